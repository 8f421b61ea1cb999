/**
 * h_t = (1 − z_t)∘h_(t−1) + z_t∘n_t, the recurrence common to the minimal recurrent units of Feng et al. (2024),
 * arXiv:2410.01201; they differ in how they compute z from the input. The gates do not see the state, so all steps are
 * computed together, in real numbers. As 0 < 1 − z < 1, its products do not overflow, and nothing is divided by them.
 * The paper's computation with logarithms, which requires a positive n, is not needed.
 */
import * as tf from '@tensorflow/tfjs-core';
import { splitSteps } from '../time-steps.js';
import { scan } from './scan.js';

export interface Interpolation {
  /** z of all steps, [time·batch, hidden]. */
  readonly update: tf.Tensor;
  /** n of all steps, [time·batch, hidden]. */
  readonly candidate: tf.Tensor;
}

/**
 * Computes all states.
 * @param initial [batch, hidden]
 * @returns `states` [time·batch, hidden], and the last of them, [batch, hidden]
 */
export function interpolate({ update, candidate }: Interpolation, initial: tf.Tensor, time: number) {
  return scan({ a: tf.sub(1, update), b: tf.mul(update, candidate), initial, time });
}

/**
 * Back-propagates. The gradients with respect to the states follow the same recurrence, from the end:
 *
 *   dh_t = dy_t + (1 − z_(t+1))∘dh_(t+1)    dn_t = dh_t∘z_t    dz_t = dh_t∘(n_t − h_(t−1))
 *
 * @param dStates gradient with respect to `states`, [time·batch, hidden]
 * @param dLast gradient with respect to the last state, [batch, hidden]
 * @param previous the states before each step, [time·batch, hidden]
 */
export function interpolationGradients(
  dStates: tf.Tensor,
  dLast: tf.Tensor,
  { update, candidate, previous }: Interpolation & { readonly previous: tf.Tensor },
  time: number,
): Interpolation & { readonly initial: tf.Tensor } {
  const keep = tf.sub(1, update);
  const [first, ...later] = splitSteps(keep, time);
  // The gradient of the last state enters the last step unscaled, hence ones.
  const a = tf.concat([...later, tf.onesLike(first!)], 0);
  const { states: dh, last: dFirst } = scan({ a, b: dStates, initial: dLast, time }, 'backward');
  return {
    update: tf.mul(dh, tf.sub(candidate, previous)),
    candidate: tf.mul(dh, update),
    initial: tf.mul(dFirst, first!),
  };
}
