/** Evaluates a task's checkpoint on a part of its data. */

import { residentValues } from '../engines/engine.js';
import type { EngineName } from '../engines/engine-names.js';
import { selectEngine } from '../engines/select.js';
import { CompiledPrograms } from './compiled-programs.js';
import type { Metrics, Task, TaskSplit } from './task.js';
import { readTaskCheckpoint, storedShapes } from './task-checkpoint.js';

export interface TaskEvaluationRequest {
  readonly checkpoint: string;
  readonly data: string;
  readonly split: TaskSplit;
  readonly engine: EngineName;
  /** Number of threads; 0 for all cores. */
  readonly threads: number;
}

/** The metrics of an application's checkpoint on a part of its data. */
export interface TaskEvaluation {
  /** The application, such as `sentiment`, or the name of a model of yours. */
  readonly task: string;
  readonly split: TaskSplit;
  readonly examples: number;
  readonly metrics: Metrics;
}

/**
 * Evaluates the checkpoint.
 * @param own the task that it is of, if that is none of ours
 * @throws UnrollError naming the file that is missing or wrong; the signal's reason when it aborts
 */
export async function evaluateTask(
  request: TaskEvaluationRequest,
  signal: AbortSignal,
  own?: Task,
): Promise<TaskEvaluation> {
  const { task, model, parameters } = await readTaskCheckpoint(request.checkpoint, own);
  const held = await model.heldOutData(request.data, request.split);
  const engine = await selectEngine(request.engine, request.threads);
  const residents = engine.allocate(residentValues(storedShapes(model.trainable), parameters));
  await using programs = new CompiledPrograms(engine, [residents], signal);
  const metrics = await held.evaluate(programs);
  return { task: task.name, split: request.split, examples: held.examples, metrics };
}
