/** The flags that say what application's model to train, and the request they make; they share some with language models. */
import { defaultOptimizer } from '@unroll/core/config';
import { type Command, Option } from 'commander';
import { UsageError } from '../errors.js';
import type { Task } from '../tasks/task.js';
import type { TaskRequest } from '../tasks/task-job.js';
import { type TaskName, taskNames } from '../tasks/task-names.js';
import { defaultSchedule } from '../training/schedule.js';
import { positiveInteger } from './options.js';
import { modeOf, type TrainingFlags } from './training-flags.js';

export interface TaskFlags {
  task?: TaskName;
  context?: number;
  horizon?: number;
}

/** The flags that are sizes of a task's model. */
const sizeFlags = ['embedding', 'hidden', 'layers', 'dropout', 'context', 'horizon'] as const;

const languageModelFlags: readonly (keyof TrainingFlags)[] = [
  ...(['preset', 'cell', 'projection', 'variationalDropout', 'embeddingDropout', 'weightDropout'] as const),
  ...(['labelSmoothing', 'tieWeights', 'tokenizer', 'vocabulary', 'sequenceLength', 'recomputeEvery'] as const),
  ...(['precision', 'softmax', 'tables', 'initFrom'] as const),
];

export function addTaskFlags(command: Command): Command {
  const help = 'train the model of an application instead; docs/applications.md says how each reads its data';
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
export function taskRequest(command: Command, flags: TrainingFlags & TaskFlags, task: Task): TaskRequest {
  const how = flags.task === undefined ? '--module' : `--task ${flags.task}`;
  const foreign = command.options.find(
    (option) =>
      command.getOptionValueSource(option.attributeName()) === 'cli' &&
      (languageModelFlags as readonly string[]).includes(option.attributeName()),
  );
  if (foreign) throw new UsageError(`${foreign.long}: is for language models; leave it out with ${how}`);
  if (flags.optimizer === 'nt-asgd') {
    throw new UsageError(`--optimizer: nt-asgd is for language models; choose another with ${how}`);
  }
  const { batchSize, learningRate, warmupSteps, accumulate, clipNorm, gradientCodec, epochs, maxSteps, seed } = flags;
  const sizes = sizeFlags.flatMap((size) => (flags[size] === undefined ? [] : [[size, flags[size]] as const]));
  return {
    task,
    data: flags.data ?? '',
    out: flags.out,
    given: {
      ...{ batchSize, learningRate, warmupSteps, accumulate, clipNorm, gradientCodec, epochs, maxSteps, seed },
      model: Object.fromEntries(sizes),
      optimizer: flags.optimizer && defaultOptimizer(flags.optimizer),
      schedule: flags.schedule && defaultSchedule(flags.schedule),
      mode: modeOf(flags),
    },
    engine: flags.engine,
    threads: flags.threads ?? 0,
    resume: flags.resume ?? false,
    overwrite: flags.overwrite ?? false,
    changedData: flags.changedData ?? false,
  };
}
