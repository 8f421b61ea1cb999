/** Evaluates a task's checkpoint on a part of its data. */

import { residentValues } from '../engines/engine.js';
import type { EngineName } from '../engines/engine-names.js';
import { selectEngine } from '../engines/select.js';
import { CompiledPrograms } from './compiled-programs.js';
import type { Metrics, TaskSplit } from './task.js';
import { readTaskCheckpoint } from './task-checkpoint.js';

export interface TaskEvaluationRequest {
  readonly checkpoint: string;
  readonly data: string;
  readonly split: TaskSplit;
  readonly engine: EngineName;
  /** Number of threads; 0 for all cores. */
  readonly threads: number;
}

export interface TaskEvaluation {
  readonly task: string;
  readonly split: TaskSplit;
  readonly examples: number;
  readonly metrics: Metrics;
}

/**
 * Evaluates the checkpoint.
 * @throws UnrollError naming the file that is missing or wrong
 */
export async function evaluateTask(request: TaskEvaluationRequest): Promise<TaskEvaluation> {
  const { task, model, parameters } = await readTaskCheckpoint(request.checkpoint);
  const held = await model.heldOutData(request.data, request.split);
  const engine = await selectEngine(request.engine, request.threads);
  const residents = engine.allocate(residentValues(model.trainable.parameters, parameters));
  await using programs = new CompiledPrograms(engine, [residents]);
  const metrics = await held.evaluate(programs);
  return { task: task.name, split: request.split, examples: held.examples, metrics };
}
