/** The tensors that an update keeps beside the parameters. */
import { type Shapes, slotShapes } from '@unroll/core';
import { lossScalingShapes } from '@unroll/core/internal';
import { updateOptimizer } from './modes.js';
import type { TrainingRecipe } from './recipe.js';

/**
 * Returns the shapes of the state kept from step to step: the optimizer's slots and, in mixed precision, the state of
 * loss scaling.
 */
export function optimizerShapes(training: TrainingRecipe, parameters: Shapes): Shapes {
  const slots = slotShapes(updateOptimizer(training), parameters);
  return { ...slots, ...(training.precision === 'mixed' ? lossScalingShapes : {}) };
}
