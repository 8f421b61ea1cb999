/** The tensors that an update keeps beside the parameters. */
import { lossScalingShapes, type Shapes, slotShapes } from '@unroll/core';
import { type TrainingConfig, updateOptimizer } from './config.js';

/** The state that the update keeps from step to step: the optimizer's slots and, in mixed precision, loss scaling's. */
export function optimizerShapes(training: TrainingConfig, parameters: Shapes): Shapes {
  const slots = slotShapes(updateOptimizer(training), parameters);
  return { ...slots, ...(training.precision === 'mixed' ? lossScalingShapes : {}) };
}
