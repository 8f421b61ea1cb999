/** `unroll train --task`: its flags, some of which it shares with language models, and their handling. */
import { defaultOptimizer } from '@unroll/core/config';
import { type Command, Option } from 'commander';
import { UnrollError, UsageError } from '../errors.js';
import { type TaskName, taskNames } from '../tasks/task-names.js';
import type { TaskReport } from '../tasks/task-report.js';
import type { TaskRequest } from '../tasks/train-task.js';
import { interruptible } from '../terminal/interrupt.js';
import { positiveInteger, printOutcome } from './options.js';
import type { TrainingFlags } from './training-flags.js';

export interface TaskFlags {
  task?: TaskName;
  context?: number;
  horizon?: number;
}

/** The flags that are sizes of a task's model. */
const sizeFlags = ['embedding', 'hidden', 'layers', 'dropout', 'context', 'horizon'] as const;

const otherFlags: readonly (keyof TrainingFlags | 'task')[] = [
  ...(['task', 'data', 'out', 'batchSize', 'optimizer', 'learningRate', 'clipNorm', 'epochs', 'maxSteps'] as const),
  ...(['seed', 'engine', 'threads', 'resume', 'changedData', 'overwrite', 'json', 'logFormat'] as const),
];

export function addTaskFlag(command: Command): Command {
  const help =
    'train the model of an application instead, in one process; docs/applications.md says how each reads its data';
  return command
    .addOption(new Option('--task <name>', help).choices(taskNames))
    .option('--context <n>', 'rows of the past that a forecaster sees', positiveInteger)
    .option('--horizon <n>', 'rows of the future that a forecaster tells', positiveInteger);
}

/** @throws UsageError if a flag was given that only an application's model has */
export function refuseTaskFlags({ context, horizon }: TaskFlags): void {
  if (context !== undefined) throw new UsageError('--context: is for --task; leave it out');
  if (horizon !== undefined) throw new UsageError('--horizon: is for --task; leave it out');
}

/** @throws UsageError if a flag or an optimizer was given that only language models have */
export async function taskRequest(
  command: Command,
  flags: TrainingFlags & TaskFlags,
  name: TaskName,
): Promise<TaskRequest> {
  const known: readonly string[] = [...sizeFlags, ...otherFlags];
  const foreign = command.options.find(
    (option) =>
      command.getOptionValueSource(option.attributeName()) === 'cli' && !known.includes(option.attributeName()),
  );
  if (foreign) throw new UsageError(`${foreign.long}: is for language models; leave it out with --task ${name}`);
  if (flags.optimizer === 'nt-asgd') {
    throw new UsageError(`--optimizer: nt-asgd is for language models; choose another with --task ${name}`);
  }
  const { batchSize, learningRate, clipNorm, epochs, maxSteps, seed } = flags;
  const sizes = sizeFlags.flatMap((size) => (flags[size] === undefined ? [] : [[size, flags[size]] as const]));
  const { tasks } = await import('../tasks/tasks.js');
  return {
    task: tasks[name],
    data: flags.data,
    out: flags.out,
    given: {
      ...{ batchSize, learningRate, clipNorm, epochs, maxSteps, seed },
      model: Object.fromEntries(sizes),
      optimizer: flags.optimizer && defaultOptimizer(flags.optimizer),
    },
    engine: flags.engine,
    threads: flags.threads ?? 0,
    resume: flags.resume ?? false,
    overwrite: flags.overwrite ?? false,
    changedData: flags.changedData ?? false,
  };
}

export function trainTaskAlone(request: TaskRequest, json: boolean | undefined): Promise<void> {
  return interruptible(async (signal) => {
    const { TaskReport } = await import('../tasks/task-report.js');
    const { trainTask } = await import('../tasks/train-task.js');
    const report = new TaskReport(request.task.name, request.out);
    try {
      for await (const event of trainTask(request, signal)) report.add(event);
    } finally {
      report.close();
    }
    if (signal.aborted) throw interruption(report, request.out);
    const result = report.result();
    const { checkpoint, steps, bestEpoch, metric, value } = result;
    await printOutcome(
      json,
      result,
      () => `${checkpoint}: ${steps} steps; of the validation: ${metric} ${value.toFixed(4)}, after epoch ${bestEpoch}`,
    );
  });
}

function interruption({ checkpointStep }: TaskReport, out: string): UnrollError {
  return new UnrollError(
    checkpointStep > 0
      ? `interrupted; ${out} holds the model after step ${checkpointStep}: go on with --resume`
      : 'interrupted before the first step; nothing was written',
  );
}
