/** The flags that say what to train and how, shared by `train`, `launch`, `worker` and `node`, and the request they make. */
import type { Command } from 'commander';
import { UsageError } from '../errors.js';
import type { Task } from '../tasks/task.js';
import type { TaskName } from '../tasks/task-names.js';
import type { JobRequest } from '../training/request.js';
import { addTaskFlags, refuseTaskFlags, type TaskFlags, taskRequest } from './task-flags.js';
import { addTrainingFlags, languageModelRequest, type TrainingFlags } from './training-flags.js';

export type JobFlags = TrainingFlags & TaskFlags & { module?: string };

/** The arguments of a command's job flags, as they were given. */
const given = new WeakMap<Command, string[]>();

/** The job flags that are for one process: a launcher's workers get others of their own. */
const ownFlags = ['threads', 'json', 'log-format'];

/** Adds the flags that say what to train, and how. */
export function addJobFlags(command: Command): Command {
  const others = new Set(command.options);
  addFlags(command);
  const args: string[] = [];
  given.set(command, args);
  for (const option of command.options.filter((each) => !others.has(each))) {
    const name = option.name();
    // Commander's own listener parses the value; this one keeps the argument.
    command.on(`option:${name}`, (value?: string | null) => {
      if (!ownFlags.includes(name)) args.push(typeof value === 'string' ? `--${name}=${value}` : `--${name}`);
    });
  }
  return command;
}

/** Returns the arguments with which another command of {@link addJobFlags} trains the same. */
export function givenJobFlags(command: Command): readonly string[] {
  return given.get(command) ?? [];
}

function addFlags(command: Command): Command {
  return addTaskFlags(addTrainingFlags(command)).option(
    '--module <file>',
    'train a TensorFlow.js model of yours, which this module exports with its examples; docs/tensorflow-js.md describes it',
  );
}

/**
 * Returns the request that the flags make.
 * @param command the command that was called with these flags
 * @throws UsageError if the flags contradict each other
 */
export async function jobRequest(flags: JobFlags, command: Command): Promise<JobRequest> {
  const { task, module } = flags;
  if (task !== undefined || module !== undefined) {
    const chosen = module === undefined ? await taskByName(flags, task!) : await taskByModule(flags, module);
    const { taskJobRequest } = await import('../tasks/task-job.js');
    return taskJobRequest(taskRequest(command, flags, chosen));
  }
  requireData(flags);
  refuseTaskFlags(flags);
  const request = await languageModelRequest(flags);
  const { languageModelJobRequest } = await import('../training/language-model/language-model-job.js');
  return languageModelJobRequest(request);
}

async function taskByName(flags: JobFlags, name: TaskName): Promise<Task> {
  requireData(flags);
  const { tasks } = await import('../tasks/tasks.js');
  return tasks[name];
}

async function taskByModule({ task, data }: JobFlags, module: string): Promise<Task> {
  if (task !== undefined) throw new UsageError('--module: is in place of --task; leave one of them out');
  if (data !== undefined) throw new UsageError('--data: a module brings its own examples; leave it out with --module');
  const { taskOfModule } = await import('../own-models/load-module.js');
  return taskOfModule(module);
}

function requireData({ data }: JobFlags): void {
  if (data === undefined) throw new UsageError("required option '--data <path>' not specified");
}
