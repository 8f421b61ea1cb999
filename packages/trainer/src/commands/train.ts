/** `unroll train`: alone in this process, or with workers and parameter servers that it starts. */

import { existsSync, readdirSync } from 'node:fs';
import type { RunStatusReader } from '@unroll/param-server/client';
import { counted } from '@unroll/param-server/config';
import type { Command } from 'commander';
import { clusterOptions, type LaunchOptions } from '../cluster/cluster-options.js';
import type { JobData } from '../cluster/job-data.js';
import type { ClusterOptions } from '../cluster/launch.js';
import { isTogether } from '../cluster/together.js';
import type { WorkerEvent } from '../cluster/worker-processes.js';
import { type ObserverChoice, openObserver } from '../dashboard/open-observer.js';
import type { RunObserver } from '../dashboard/run-observer.js';
import { Interruption } from '../errors.js';
import { interruptible } from '../terminal/interrupt.js';
import { positiveInteger } from '../terminal/number-arguments.js';
import type { TrainingResult } from '../training/report.js';
import { addLaunchFlags } from './cluster-flags.js';
import { addJobFlags, type JobFlags, jobData } from './job-request.js';
import { addObserverFlags, addPublicPageFlag } from './observer-flags.js';
import { addExamples, printOutcome } from './options.js';

type AllFlags = JobFlags & LaunchOptions & ObserverChoice;

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
    const options = isTogether(flags) && clusterOptions(flags, flags.out);
    const data = await jobData(flags, command);
    await using observer = await openObserver(flags);
    const result = options ? await trainTogether(data, options, observer) : await trainAlone(data, observer);
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
    const options = clusterOptions(flags, flags.out);
    const data = await jobData(flags, command);
    await using observer = await openObserver(flags);
    await printTrainingResult(flags.json, await trainTogether(data, options, observer));
  });
  addExamples(command, 'launch --data grammar --out runs/first --workers 2 --servers 2');
}

async function trainTogether(
  data: JobData,
  options: ClusterOptions,
  observer: RunObserver | undefined,
): Promise<TrainingResult> {
  const { launchCluster } = await import('../cluster/launch.js');
  const onServers = (status: RunStatusReader) => observer?.watch(status);
  return followed({
    data,
    workers: options.workers,
    observer,
    run: (signal) => launchCluster(data, { ...options, signal, onServers }),
    nothingWritten: () =>
      hasFiles(options.snapshotDir)
        ? `before the first checkpoint; ${options.snapshotDir} holds snapshots: go on with --resume`
        : 'before the first checkpoint; nothing was written',
  });
}

async function trainAlone(data: JobData, observer: RunObserver | undefined): Promise<TrainingResult> {
  const { requestOf } = await import('../cluster/job-data.js');
  const { recordedRun } = await import('../runs/recorded-run.js');
  const request = await requestOf(data);
  return followed({
    data,
    workers: 1,
    observer,
    run: async function* (signal) {
      for await (const event of recordedRun({ request, signal })) yield { worker: 0, event };
    },
    nothingWritten: () => 'before the first step; nothing was written',
  });
}

interface Followed {
  readonly data: JobData;
  readonly workers: number;
  readonly observer: RunObserver | undefined;
  readonly run: (signal: AbortSignal) => AsyncIterable<WorkerEvent>;
  /** Describes what there is to go on from if the run is interrupted before its first checkpoint. */
  readonly nothingWritten: () => string;
}

/** Follows a run to its end. @throws Interruption saying how to go on, if a signal ended the run */
async function followed({ data, workers, observer, run, nothingWritten }: Followed): Promise<TrainingResult> {
  const { RunReport } = await import('../training/report.js');
  const { out } = data.request;
  const report = new RunReport(out, workers);
  const ending = () =>
    report.hasStarted ? 'ends after this step, and writes a checkpoint' : 'ends before training has begun';
  return interruptible(async (signal) => {
    try {
      for await (const { worker, event } of run(signal)) {
        report.add(event, worker);
        if (worker === 0) observer?.add(event);
      }
    } finally {
      report.close();
    }
    if (!signal.aborted) return report.result();
    const { checkpointStep: step } = report;
    const line =
      step > 0
        ? `interrupted; ${out} holds the model after step ${step}: go on with --resume`
        : `interrupted ${nothingWritten()}`;
    throw new Interruption(line, (signal.reason as Interruption).signal);
  }, ending);
}

function hasFiles(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).length > 0;
}

export function printTrainingResult(json: boolean | undefined, result: TrainingResult): Promise<void> {
  return printOutcome(json, result, () => describe(result));
}

function describe(result: TrainingResult): string {
  const { checkpoint, steps } = result;
  const nothing = `${checkpoint}: has had all its ${counted(steps, 'step')}; give more --epochs or --max-steps to train on`;
  if ('task' in result) {
    const { metric, value, bestEpoch } = result;
    if (value === null) return nothing;
    return `${checkpoint}: ${counted(steps, 'step')}; of the validation: ${metric} ${value.toFixed(4)}, after epoch ${bestEpoch}`;
  }
  const { tokensPerSecond, trainPerplexity, validPerplexity } = result;
  if (trainPerplexity === null || validPerplexity === null) return nothing;
  return `${checkpoint}: ${counted(steps, 'step')}, ${tokensPerSecond ?? 'unknown'} tokens/s, perplexity ${trainPerplexity.toFixed(2)} in training, ${validPerplexity.toFixed(2)} on the validation text`;
}
