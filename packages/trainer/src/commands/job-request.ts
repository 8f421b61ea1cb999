/** The flags that say what to train and how, shared by `train`, `launch`, `worker` and `node`, and the request they make. */
import type { Command } from 'commander';
import { UsageError } from '../errors.js';
import type { Task } from '../tasks/task.js';
import type { TaskName } from '../tasks/task-names.js';
import type { JobRequest } from '../training/request.js';
import { addTaskFlags, refuseTaskFlags, type TaskFlags, taskRequest } from './task-flags.js';
import { addTrainingFlags, languageModelRequest, type TrainingFlags } from './training-flags.js';

export type JobFlags = TrainingFlags & TaskFlags & { module?: string };

export function addJobFlags(command: Command): Command {
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
  const { languageModelJobRequest } = await import('../training/language-model/language-model-job.js');
  return languageModelJobRequest(await languageModelRequest(flags));
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
