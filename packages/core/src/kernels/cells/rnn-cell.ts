/** The simple (Elman) recurrent cell: h_t = f(x_t·W + h_(t−1)·U + b). Elman, "Finding structure in time" (1990). */
import * as tf from '@tensorflow/tfjs-core';
import { splitSteps } from '../time-steps.js';
import { type ActivationName, activations } from './activations.js';
import type { RecurrentCell } from './cell.js';

/**
 * Creates a simple recurrent cell. Weights: `kernel` [input, hidden], `recurrentKernel` [hidden, hidden], `bias`
 * [hidden]. State: h [batch, hidden].
 * @param activation f
 */
export function rnnCell(activation: ActivationName = 'tanh'): RecurrentCell {
  const { apply, derivative } = activations[activation];
  return {
    name: `RnnCell ${activation}`,
    operator: { opType: 'RNN', activations: [activation], gates: [0] },
    sizes: { states: 1, reserve: 0 },
    forward:
      ({ recurrentKernel }) =>
      ({ projected, recurrent }) => ({
        states: [apply(tf.add(tf.matMul(recurrent, recurrentKernel!), projected))],
        reserve: [],
      }),
    backward: ({ time, weights, recurrent, states }) => {
      const factor = splitSteps(derivative(states[0]!), time);
      return {
        step: (t, [dHidden]) => {
          const gates = tf.mul(dHidden!, factor[t]!);
          return { gates, recurrent: tf.matMul(gates, weights.recurrentKernel!, false, true), states: [undefined] };
        },
        rows: ({ gates }) => {
          const projected = gates();
          return { projected, weights: { recurrentKernel: () => tf.matMul(recurrent, projected, true, false) } };
        },
      };
    },
  };
}
