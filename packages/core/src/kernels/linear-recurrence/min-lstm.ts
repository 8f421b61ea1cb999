/**
 * The minLSTM of Feng et al. (2024), arXiv:2410.01201, section 3.2, with its gates normalised to a sum of one:
 *
 *   [i_t f_t] = σ(x_t·W_if + b_if)    n_t = x_t·W_n + b_n    h_t = (f_t∘h_(t−1) + i_t∘n_t)/(f_t + i_t)
 *
 * With z = i/(i + f) this is h_t = (1 − z_t)∘h_(t−1) + z_t∘n_t, the minGRU's recurrence with another gate. Its
 * derivatives are ∂z/∂i∘i(1 − i) = z(1 − z)(1 − i) and ∂z/∂f∘f(1 − f) = −z(1 − z)(1 − f).
 */
import * as tf from '@tensorflow/tfjs-core';
import { sigmoidDerivative } from '../time-steps.js';
import { inputGates, type MinimalUnit, masked, minimalSequence } from './minimal-unit.js';

export const minLstm: MinimalUnit = {
  name: 'MinLstmSequence',
  reserve: 2,
  gates: (inputs) => {
    const [preInput, preForget, candidate] = inputGates(inputs, 3);
    const [input, forget] = [tf.sigmoid(preInput!), tf.sigmoid(preForget!)];
    const update = masked(tf.div(input, tf.add(input, forget)), inputs.mask);
    return { update, candidate: candidate!, reserve: [input, forget] };
  },
  gateGradients: (dUpdate, { update, reserve: [input, forget] }) => {
    const dShare = tf.mul(dUpdate, sigmoidDerivative(update));
    return [tf.mul(dShare, tf.sub(1, input!)), tf.mul(dShare, tf.sub(forget!, 1))];
  },
};

/** Runs a minLSTM over a sequence; gates stand in the order i, f, n. */
export const minLstmSequence = minimalSequence(minLstm);
