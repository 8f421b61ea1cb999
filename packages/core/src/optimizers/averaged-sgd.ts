/**
 * Averaged stochastic gradient descent (Polyak and Juditsky 1992), triggered as NT-ASGD does (Merity et al. 2018,
 * arXiv:1708.02182, algorithm 1): gradients are taken at the iterate x, and from the trigger on the model is the mean θ of the
 * iterates since. The parameter is θ, so that whatever reads a model reads the mean; the slot is x − θ, zero at the start.
 *
 *   x ← x − η·g(x)    θ ← θ + w·(x − θ),  w = 1 before the trigger, then 1, 1/2, 1/3, …
 */
import * as tf from '@tensorflow/tfjs-core';
import type { OptimizerInputs, OptimizerOutputs } from './optimizer.js';

export const offsetSlot = 'offset';

/** @param inputs with `gradient` taken at the {@link iterate} */
export function averagedSgd(inputs: OptimizerInputs): OptimizerOutputs {
  const { parameter, gradient, slots, learningRate, averagingWeight = tf.scalar(1) } = inputs;
  const away = tf.sub(slots[offsetSlot]!, tf.mul(gradient, learningRate)); // x − θ, of the new x and the old θ
  const moved = tf.mul(away, averagingWeight);
  return { parameter: tf.add(parameter, moved), slots: { [offsetSlot]: tf.sub(away, moved) } };
}

/** Where the gradient is to be taken. */
export function iterate(parameter: tf.Tensor, slots: Readonly<Record<string, tf.Tensor>>): tf.Tensor {
  return tf.add(parameter, slots[offsetSlot]!);
}

/**
 * The step, counted from 0, that is averaged first: that after the first epoch whose validation loss is above the best of
 * all but the `patience` epochs before it.
 * @param validation losses or perplexities, one of each epoch so far
 * @returns Infinity as long as there is no such epoch
 */
export function averagingStart(validation: readonly number[], patience: number, stepsPerEpoch: number): number {
  const epoch = validation.findIndex((value, k) => value > Math.min(...validation.slice(0, Math.max(0, k - patience))));
  return epoch < 0 ? Number.POSITIVE_INFINITY : (epoch + 1) * stepsPerEpoch;
}

/** What the iterate of `step` counts in the average that starts at `start`. */
export function averagingWeight(step: number, start: number): number {
  return step < start ? 1 : 1 / (step - start + 1);
}
