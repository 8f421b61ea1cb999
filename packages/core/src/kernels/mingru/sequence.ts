/**
 * `MinGruSequence`: the minGRU of Feng et al. (2024), "Were RNNs all we needed?", arXiv:2410.01201, section 3.1. It is
 * a GRU without a reset gate, whose gate and candidate do not see the state, so a whole sequence is computed at once:
 *
 *   z_t = σ(x_t·W_z + b_z)    n_t = x_t·W_n + b_n    h_t = (1 − z_t)∘h_(t−1) + z_t∘n_t
 */
import * as tf from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.js';
import { interpolate, interpolationGradients } from '../linear-recurrence/interpolation.js';
import { inputGates, type MinimalUnitInputs, masked } from '../linear-recurrence/minimal-unit.js';
import { flattenSteps, inputProjectionGradients, previousStates, sigmoidDerivative } from '../time-steps.js';

/** z and n of all steps, each [time·batch, hidden]. */
export function minGruGates(inputs: Omit<MinimalUnitInputs, 'initialHidden'>) {
  const [preUpdate, candidate] = inputGates(inputs, 2);
  return { update: masked(tf.sigmoid(preUpdate!), inputs.mask), candidate: candidate! };
}

/** Outputs: all h, the last h; then, saved for the backward pass, z and n of all steps. */
const kernel = defineKernel<MinimalUnitInputs & Record<string, tf.Tensor>, object>({
  name: 'MinGruSequence',
  forward: (inputs) => {
    const { x, initialHidden } = inputs;
    const [time = 0] = x.shape;
    const gates = minGruGates(inputs);
    const { states, last } = interpolate(gates, initialHidden, time);
    const outputs = tf.reshape(states, [time, ...initialHidden.shape]);
    return [outputs, last, gates.update, gates.candidate];
  },
  saves: { inputs: ['x', 'kernel', 'initialHidden'], outputs: [true, false, true, true] },
  gradient: ([dOutputs, dLast], [x, kernel, initialHidden, outputs, update, candidate]) => {
    const [time = 0] = x!.shape;
    const previous = previousStates(initialHidden!, flattenSteps(outputs!));
    const forward = { update: update!, candidate: candidate!, previous };
    const d = interpolationGradients(flattenSteps(dOutputs!), dLast!, forward, time);
    const dRows = tf.concat([tf.mul(d.update, sigmoidDerivative(update!)), d.candidate], 1); // [time·batch, 2·hidden]
    return { ...inputProjectionGradients(x!, kernel!, dRows), initialHidden: () => tf.clone(d.initial) };
  },
});

/**
 * Runs a minGRU over a sequence; gates stand in the order z, n.
 * @returns `outputs` [time, batch, hidden], every hidden state, and `hidden` [batch, hidden], the last one
 */
export function minGruSequence(inputs: MinimalUnitInputs): { outputs: tf.Tensor3D; hidden: tf.Tensor2D } {
  const [outputs, hidden, ...reserve] = kernel({ ...inputs }, {});
  for (const tensor of reserve) tensor.dispose();
  return { outputs: outputs as tf.Tensor3D, hidden: hidden as tf.Tensor2D };
}
