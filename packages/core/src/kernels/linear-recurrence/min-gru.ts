/**
 * The minGRU of Feng et al. (2024), "Were RNNs all we needed?", arXiv:2410.01201, section 3.1. It is a GRU without a
 * reset gate, whose gate and candidate do not see the state, so a whole sequence is computed at once:
 *
 *   z_t = σ(x_t·W_z + b_z)    n_t = x_t·W_n + b_n    h_t = (1 − z_t)∘h_(t−1) + z_t∘n_t
 */
import * as tf from '@tensorflow/tfjs-core';
import { sigmoidDerivative } from '../time-steps.js';
import { inputGates, type MinimalUnit, masked, minimalSequence } from './minimal-unit.js';

export const minGru: MinimalUnit = {
  name: 'MinGruSequence',
  reserve: 0,
  gates: (inputs) => {
    const [preUpdate, candidate] = inputGates(inputs, 2);
    return { update: masked(tf.sigmoid(preUpdate!), inputs.mask), candidate: candidate!, reserve: [] };
  },
  gateGradients: (dUpdate, { update }) => [tf.mul(dUpdate, sigmoidDerivative(update))],
};

/** Runs a minGRU over a sequence; gates stand in the order z, n. */
export const minGruSequence = minimalSequence(minGru);
