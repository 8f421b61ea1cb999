/** A checkpoint's model that is none of ours: its code, in memory or in a module. */
import { z } from 'zod';
import { UsageError } from '../errors.js';
import { type ModelTraining, type OwnTask, ownTask } from '../own-models/own-task.js';
import { path } from './in-code.js';

/** The code of a TensorFlow.js model of yours, which its checkpoint lacks. One of the two. */
export interface OwnModelSource {
  /** The arguments of `train`: the model, its loss and its examples. */
  readonly training?: ModelTraining | undefined;
  /** The path of the module that exports it. */
  readonly module?: string | undefined;
}

export const ownModelFields = {
  training: z
    .custom<ModelTraining>((value) => typeof value === 'object' && value !== null, 'must be an object')
    .optional(),
  module: path.optional(),
};

/** @throws UsageError if both are given; UnrollError naming what of the model cannot be used */
export async function ownTaskOf({ training, module }: OwnModelSource): Promise<OwnTask | undefined> {
  if (training !== undefined && module !== undefined) {
    throw new UsageError('training and module: leave one of them out');
  }
  if (training !== undefined) return ownTask(training);
  if (module === undefined) return undefined;
  const { taskOfModule } = await import('../own-models/load-module.js');
  return taskOfModule(module);
}
