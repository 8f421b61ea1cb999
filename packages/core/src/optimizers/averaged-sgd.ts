/**
 * Averaged stochastic gradient descent (Polyak and Juditsky 1992), triggered as in NT-ASGD (Merity et al. 2018,
 * arXiv:1708.02182, algorithm 1). Gradients are taken at the iterate x; from the trigger on, the model is the mean θ of
 * the iterates since then. The parameter is θ, so that every reader of a model gets the mean; the slot is x − θ, zero
 * at the start.
 *
 *   x ← x − η·g(x)    θ ← θ + w·(x − θ),  w = 1 before the trigger, then 1, 1/2, 1/3, …
 */
import * as tf from '@tensorflow/tfjs-core';
import { offsetSlot } from './optimizer-config.js';
import type { OptimizerInputs, OptimizerOutputs } from './optimizer-tensors.js';

/**
 * One update.
 * @param inputs with `gradient` taken at the {@link iterate}
 */
export function averagedSgd(inputs: OptimizerInputs): OptimizerOutputs {
  const { parameter, gradient, slots, learningRate, averagingWeight = tf.scalar(1) } = inputs;
  const away = tf.sub(slots[offsetSlot]!, tf.mul(gradient, learningRate)); // x − θ, of the new x and the old θ
  const moved = tf.mul(away, averagingWeight);
  return { parameter: tf.add(parameter, moved), slots: { [offsetSlot]: tf.sub(away, moved) } };
}

/** The iterate x, at which the gradient must be taken. */
export function iterate(parameter: tf.Tensor, slots: Readonly<Record<string, tf.Tensor>>): tf.Tensor {
  return tf.add(parameter, slots[offsetSlot]!);
}
