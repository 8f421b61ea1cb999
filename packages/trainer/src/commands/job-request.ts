/** The flags that say what to train and how, shared by `train`, `launch`, `worker` and `node`, and the data they make. */
import type { Command } from 'commander';
import type { JobData } from '../cluster/job-data.js';
import { UsageError } from '../errors.js';
import type { Task } from '../tasks/task.js';
import type { TaskName } from '../tasks/task-names.js';
import { addTaskFlags, refuseTaskFlags, type TaskFlags, taskRequest } from './task-flags.js';
import { addTrainingFlags, languageModelRequest, type TrainingFlags } from './training-flags.js';

export type JobFlags = TrainingFlags & TaskFlags & { module?: string };

/** Adds the flags that say what to train, and how. */
export function addJobFlags(command: Command): Command {
  return addTaskFlags(addTrainingFlags(command)).option(
    '--module <file>',
    'train a TensorFlow.js model of yours, which this module exports with its examples; docs/tensorflow-js.md describes it',
  );
}

/**
 * Returns what the flags say to train.
 * @param command the command that was called with these flags
 * @throws UsageError if the flags contradict each other
 */
export async function jobData(flags: JobFlags, command: Command): Promise<JobData> {
  const data = await jobOf(flags, command);
  return { ...data, request: { ...data.request, command: (command.parent ?? command).args } } as JobData;
}

async function jobOf(flags: JobFlags, command: Command): Promise<JobData> {
  const { task: name, module } = flags;
  if (module !== undefined) {
    const { task, ...request } = taskRequest(command, flags, await taskByModule(flags, module));
    return { kind: 'module', module, request };
  }
  if (name !== undefined) {
    const { task, ...request } = taskRequest(command, flags, await taskByName(flags, name));
    return { kind: 'task', task: name, request };
  }
  requireData(flags);
  refuseTaskFlags(flags);
  return { kind: 'language-model', request: await languageModelRequest(flags) };
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
