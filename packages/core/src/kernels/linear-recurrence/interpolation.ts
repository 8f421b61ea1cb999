/**
 * h_t = (1 − z_t)∘h_(t−1) + z_t∘n_t, what the minimal recurrent units of Feng et al. (2024), arXiv:2410.01201, have in common:
 * a unit differs from another in how it makes z from the input. The gates do not see the state, so all steps are computed
 * together, in real numbers: as 0 < 1 − z < 1, products of it neither overflow nor are divided by, and the paper's
 * computation with logarithms, for which n would have to be positive, is not needed.
 */
import * as tf from '@tensorflow/tfjs-core';
import { splitSteps } from '../time-steps.js';
import { scan } from './scan.js';

export interface Interpolation {
  /** z, rows of all steps, [time·batch, hidden]. */
  readonly update: tf.Tensor;
  /** n, as {@link update}. */
  readonly candidate: tf.Tensor;
}

/**
 * @param initial [batch, hidden]
 * @returns `states` [time·batch, hidden], and the last of them, [batch, hidden]
 */
export function interpolate({ update, candidate }: Interpolation, initial: tf.Tensor, time: number) {
  return scan({ a: tf.sub(1, update), b: tf.mul(update, candidate), initial, time });
}

/**
 * The way back: the gradients that reach the states are the same recurrence, from the end,
 *
 *   dh_t = dy_t + (1 − z_(t+1))∘dh_(t+1)    dn_t = dh_t∘z_t    dz_t = dh_t∘(n_t − h_(t−1))
 *
 * @param dStates by `states`, [time·batch, hidden]
 * @param dLast by the last state, [batch, hidden]
 * @param previous the states before all steps, [time·batch, hidden]
 */
export function interpolationGradients(
  dStates: tf.Tensor,
  dLast: tf.Tensor,
  { update, candidate, previous }: Interpolation & { readonly previous: tf.Tensor },
  time: number,
): Interpolation & { readonly initial: tf.Tensor } {
  const keep = tf.sub(1, update);
  const [first, ...later] = splitSteps(keep, time);
  // What follows the last step is the gradient that reaches the last state, as it is.
  const a = tf.concat([...later, tf.onesLike(first!)], 0);
  const { states: dh, last: dFirst } = scan({ a, b: dStates, initial: dLast, time }, 'backward');
  return {
    update: tf.mul(dh, tf.sub(candidate, previous)),
    candidate: tf.mul(dh, update),
    initial: tf.mul(dFirst, first!),
  };
}
