/** `unroll train`: alone in this process, or with workers and parameter servers that it starts. */
import type { Command } from 'commander';
import type { ClusterOptions } from '../cluster/launch.js';
import type { RunObserver } from '../dashboard/run-observer.js';
import { Interruption } from '../errors.js';
import { interruptible } from '../terminal/interrupt.js';
import { positiveInteger } from '../terminal/number-arguments.js';
import type { RunReport, TrainingResult } from '../training/report.js';
import type { JobRequest } from '../training/request.js';
import { addLaunchFlags, clusterOptions, type LaunchFlags } from './cluster-flags.js';
import { addJobFlags, givenJobFlags, type JobFlags, jobRequest } from './job-request.js';
import { addObserverFlags, addPublicPageFlag, type ObserverFlags, openObserver } from './observer-flags.js';
import { addExamples, printOutcome } from './options.js';

type AllFlags = JobFlags & LaunchFlags & ObserverFlags;

function addAllFlags(command: Command): Command {
  return addPublicPageFlag(addObserverFlags(addLaunchFlags(addJobFlags(command))));
}

export function addTrain(program: Command): void {
  const command = program
    .command('train')
    .description('train a language model, or the model of an application')
    .option('--workers <n>', 'worker processes that share each batch (default: 1)', positiveInteger)
    .option('--servers <n>', 'parameter server processes (default: 1 if there are several workers)', positiveInteger);
  addAllFlags(command).action(async (flags: AllFlags) => {
    const distributed = flags.servers !== undefined || (flags.workers ?? 1) > 1;
    const options = distributed && clusterOptions(flags, flags.out, givenJobFlags(command));
    const request = await jobRequest(flags, command);
    await using observer = await openObserver(flags);
    const result = options ? await trainTogether(request, options, observer) : await trainAlone(request, observer);
    await printTrainingResult(flags.json, result);
  });
  addExamples(
    command,
    'train --data grammar --out runs/first',
    'train --data data/ptb --preset zaremba-small --out runs/ptb',
    'train --data book.txt --tokenizer char --out runs/book --workers 2 --servers 1',
    'train --data data/ptb --out runs/ptb --resume --epochs 20 --dashboard',
    'train --task sentiment --data sample --out runs/sentiment',
    'train --task forecast --data measurements.csv --out runs/forecast --workers 2',
  );
}

export function addLaunch(program: Command): void {
  const command = program
    .command('launch')
    .description('train with several worker processes and parameter servers on this machine')
    .option('--workers <n>', 'worker processes that share each batch', positiveInteger, 2)
    .option('--servers <n>', 'parameter server processes', positiveInteger, 1);
  addAllFlags(command).action(async (flags: AllFlags) => {
    const options = clusterOptions(flags, flags.out, givenJobFlags(command));
    const request = await jobRequest(flags, command);
    await using observer = await openObserver(flags);
    await printTrainingResult(flags.json, await trainTogether(request, options, observer));
  });
  addExamples(command, 'launch --data grammar --out runs/first --workers 2 --servers 2');
}

async function trainTogether(
  request: JobRequest,
  options: ClusterOptions,
  observer: RunObserver | undefined,
): Promise<TrainingResult> {
  const { launchCluster } = await import('../cluster/launch.js');
  return launchCluster(request, options, observer);
}

async function trainAlone(request: JobRequest, observer: RunObserver | undefined): Promise<TrainingResult> {
  const { RunReport } = await import('../training/report.js');
  const { runTraining } = await import('../training/run.js');
  const report = new RunReport(request.out);
  return interruptible(async (signal) => {
    try {
      for await (const event of runTraining({ request, signal })) {
        report.add(event);
        observer?.add(event);
      }
    } finally {
      report.close();
    }
    if (signal.aborted) throw interruption(report, request, signal.reason as Interruption);
    return report.result();
  });
}

function interruption(report: RunReport, { out }: JobRequest, { signal }: Interruption): Interruption {
  return new Interruption(
    report.checkpointStep > 0
      ? `interrupted; ${out} holds the model after step ${report.checkpointStep}: go on with --resume`
      : 'interrupted before the first step; nothing was written',
    signal,
  );
}

export function printTrainingResult(json: boolean | undefined, result: TrainingResult): Promise<void> {
  return printOutcome(json, result, () => describe(result));
}

function describe(result: TrainingResult): string {
  const { checkpoint, steps } = result;
  const nothing = `${checkpoint}: has had all its ${steps} steps, nothing was left to train`;
  if ('task' in result) {
    const { metric, value, bestEpoch } = result;
    if (value === null) return nothing;
    return `${checkpoint}: ${steps} steps; of the validation: ${metric} ${value.toFixed(4)}, after epoch ${bestEpoch}`;
  }
  const { tokensPerSecond, trainPerplexity, validPerplexity } = result;
  if (trainPerplexity === null || validPerplexity === null) return nothing;
  return `${checkpoint}: ${steps} steps, ${tokensPerSecond ?? 'unknown'} tokens/s, perplexity ${trainPerplexity.toFixed(2)} in training, ${validPerplexity.toFixed(2)} on the validation text`;
}
