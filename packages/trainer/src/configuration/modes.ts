/**
 * The modes in which workers share the training. `sync` makes one update of every batch. In `ssp` and `async` every
 * worker makes updates from its part of the batches, at its own pace. In `local` each worker trains by itself for some
 * batches, and the update moves the shared parameters towards the mean of theirs.
 */
import type { OptimizerConfig } from '@unroll/core';
import type { TrainingRecipe } from './recipe.js';
import type { Mode } from './variants.js';

/** The optimizer of the update that ends a round: Douillard et al. (2023), "DiLoCo", algorithm 1 and section 3. */
const outerOptimizer: OptimizerConfig = { name: 'nesterov', momentum: 0.9 };
export const outerLearningRate = 0.7;

/** Returns the optimizer that is applied to what workers send: in local mode the rounds' outer optimizer. */
export function baseOptimizer({ optimizer, mode }: { optimizer: OptimizerConfig; mode: Mode }): OptimizerConfig {
  return mode.name === 'local' ? outerOptimizer : optimizer;
}

/**
 * Returns the optimizer that updates the shared parameters. With top-k the workers keep the momentum, so this one has
 * none.
 */
export function updateOptimizer(
  training: Pick<TrainingRecipe, 'optimizer' | 'mode' | 'gradientCodec'>,
): OptimizerConfig {
  return training.gradientCodec.name === 'top-k' ? { name: 'sgd' } : baseOptimizer(training);
}

export function batchesPerStep(mode: Mode): number {
  return mode.name === 'local' ? mode.localSteps : 1;
}

/**
 * Returns the number of steps that a worker may be ahead of the slowest; undefined where workers do not go at their own
 * pace.
 */
export function stalenessBound(mode: Mode): number | undefined {
  if (mode.name === 'ssp') return mode.staleness;
  return mode.name === 'async' ? Number.POSITIVE_INFINITY : undefined;
}
