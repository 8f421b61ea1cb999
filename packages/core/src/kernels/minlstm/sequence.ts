/**
 * `MinLstmSequence`: the minLSTM of Feng et al. (2024), arXiv:2410.01201, section 3.2, with its gates normalised to a sum of one:
 *
 *   [i_t f_t] = σ(x_t·W_if + b_if)    n_t = x_t·W_n + b_n    h_t = (f_t∘h_(t−1) + i_t∘n_t)/(f_t + i_t)
 *
 * With z = i/(i + f) this is h_t = (1 − z_t)∘h_(t−1) + z_t∘n_t, the minGRU's recurrence with another gate. Its
 * derivatives are ∂z/∂i∘i(1 − i) = z(1 − z)(1 − i) and ∂z/∂f∘f(1 − f) = −z(1 − z)(1 − f).
 */
import * as tf from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.js';
import { interpolate, interpolationGradients } from '../linear-recurrence/interpolation.js';
import { inputGates, type MinimalUnitInputs, masked } from '../linear-recurrence/minimal-unit.js';
import { flattenSteps, inputProjectionGradients, previousStates, sigmoidDerivative } from '../time-steps.js';

/** z and n of all steps, and the gates i and f that z is computed from, each [time·batch, hidden]. */
export function minLstmGates(inputs: Omit<MinimalUnitInputs, 'initialHidden'>) {
  const [preInput, preForget, candidate] = inputGates(inputs, 3);
  const [input, forget] = [tf.sigmoid(preInput!), tf.sigmoid(preForget!)];
  const update = masked(tf.div(input, tf.add(input, forget)), inputs.mask);
  return { update, candidate: candidate!, input, forget };
}

/** Outputs: all h, the last h; then, saved for the backward pass, z, n, i and f of all steps. */
const kernel = defineKernel<MinimalUnitInputs & Record<string, tf.Tensor>, object>({
  name: 'MinLstmSequence',
  forward: (inputs) => {
    const { x, initialHidden } = inputs;
    const [time = 0] = x.shape;
    const { input, forget, ...interpolation } = minLstmGates(inputs);
    const { states, last } = interpolate(interpolation, initialHidden, time);
    const outputs = tf.reshape(states, [time, ...initialHidden.shape]);
    return [outputs, last, interpolation.update, interpolation.candidate, input, forget];
  },
  saves: { inputs: ['x', 'kernel', 'initialHidden'], outputs: [true, false, true, true, true, true] },
  gradient: ([dOutputs, dLast], [x, kernel, initialHidden, outputs, update, candidate, input, forget]) => {
    const [time = 0] = x!.shape;
    const previous = previousStates(initialHidden!, flattenSteps(outputs!));
    const forward = { update: update!, candidate: candidate!, previous };
    const d = interpolationGradients(flattenSteps(dOutputs!), dLast!, forward, time);
    const dShare = tf.mul(d.update, sigmoidDerivative(update!));
    const dInput = tf.mul(dShare, tf.sub(1, input!));
    const dForget = tf.mul(dShare, tf.sub(forget!, 1));
    const dRows = tf.concat([dInput, dForget, d.candidate], 1); // [time·batch, 3·hidden]
    return { ...inputProjectionGradients(x!, kernel!, dRows), initialHidden: () => tf.clone(d.initial) };
  },
});

/**
 * Runs a minLSTM over a sequence; gates stand in the order i, f, n.
 * @returns `outputs` [time, batch, hidden], every hidden state, and `hidden` [batch, hidden], the last one
 */
export function minLstmSequence(inputs: MinimalUnitInputs): { outputs: tf.Tensor3D; hidden: tf.Tensor2D } {
  const [outputs, hidden, ...reserve] = kernel({ ...inputs }, {});
  for (const tensor of reserve) tensor.dispose();
  return { outputs: outputs as tf.Tensor3D, hidden: hidden as tf.Tensor2D };
}
