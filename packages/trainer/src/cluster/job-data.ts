/**
 * A job as data: a command or a program makes it once, and hands it to other processes of the run as it is. A model in
 * memory cannot be handed on; its module can.
 */
import { taskOfModule } from '../own-models/load-module.js';
import { type TaskRequest, taskJobRequest } from '../tasks/task-job.js';
import type { TaskName } from '../tasks/task-names.js';
import { tasks } from '../tasks/tasks.js';
import { languageModelJobRequest } from '../training/language-model/language-model-job.js';
import type { LanguageModelRequest } from '../training/language-model/preparation.js';
import type { JobRequest } from '../training/request.js';

export type JobData =
  | { readonly kind: 'language-model'; readonly request: LanguageModelRequest }
  | { readonly kind: 'task'; readonly task: TaskName; readonly request: Omit<TaskRequest, 'task'> }
  | { readonly kind: 'module'; readonly module: string; readonly request: Omit<TaskRequest, 'task'> };

/** @throws UnrollError naming the module and what is wrong with it */
export async function requestOf(data: JobData): Promise<JobRequest> {
  if (data.kind === 'language-model') return languageModelJobRequest(data.request);
  const task = data.kind === 'task' ? tasks[data.task] : await taskOfModule(data.module);
  return taskJobRequest({ ...data.request, task });
}

/** Returns the data for a process of the run; what it changes is of the process, not of the training. */
export function jobFor(
  data: JobData,
  change: Partial<Pick<LanguageModelRequest, 'threads' | 'resume' | 'overwrite'>>,
): JobData {
  return { ...data, request: { ...data.request, ...change } } as JobData;
}

/** The variable by which a launcher hands its workers what to train. */
export const jobVariable = 'UNROLL_JOB';

/** Returns what the launcher of this process has handed to it; undefined where there is no launcher. */
export function handedJob(process: NodeJS.Process): JobData | undefined {
  const text = process.env[jobVariable];
  return process.connected && text !== undefined ? (JSON.parse(text) as JobData) : undefined;
}
