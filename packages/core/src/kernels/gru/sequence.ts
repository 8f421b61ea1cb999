/**
 * `GruSequence`: the gated recurrent unit over a whole sequence and its back-propagation through time.
 * Cho et al. (2014), arXiv:1406.1078 (reset before the product, as in the paper) and the cuDNN/PyTorch variant (reset
 * after the product, its own recurrent bias). Gates stand in Keras's order z, r, n:
 *
 *   [z r] = σ(x_t·W_zr + h_(t−1)·U_zr + b_zr)    h_t = z∘h_(t−1) + (1 − z)∘n
 *   before: n = tanh(x_t·W_n + b_n + (r∘h_(t−1))·U_n)    after: n = tanh(x_t·W_n + b_n + r∘(h_(t−1)·U_n + c_n))
 */
import * as tf from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.js';
import {
  flattenSteps,
  inputProjectionGradients,
  joinSteps,
  previousStates,
  projectInputs,
  sigmoidDerivative,
  splitSteps,
  stackSteps,
  tanhDerivative,
} from '../time-steps.js';

export interface GruSequenceInputs {
  /** [time, batch, input] */
  readonly x: tf.Tensor;
  /** [input, 3·hidden] */
  readonly kernel: tf.Tensor;
  /** [hidden, 3·hidden] */
  readonly recurrentKernel: tf.Tensor;
  /** [3·hidden] */
  readonly bias: tf.Tensor;
  /** [3·hidden]; selects the reset-after variant (pass zeros for that variant without a recurrent bias). */
  readonly recurrentBias?: tf.Tensor;
  /** [batch, hidden] */
  readonly initialHidden: tf.Tensor;
}

type ResetBeforeInputs = Omit<GruSequenceInputs, 'recurrentBias'> & Record<string, tf.Tensor>;
type ResetAfterInputs = Required<GruSequenceInputs> & Record<string, tf.Tensor>;

/**
 * Outputs: all h, the last h; then, saved for the backward pass, z, r, n and (reset after) the recurrent part of n.
 */
const resetAfter = defineKernel<ResetAfterInputs, object>({
  name: 'GruSequence',
  forward: ({ x, kernel, recurrentKernel, bias, recurrentBias, initialHidden }) => {
    const steps = { h: [], z: [], r: [], n: [], recurrentN: [] } as Record<string, tf.Tensor[]>;
    let h = initialHidden;
    for (const projected of projectInputs(x, kernel, bias)) {
      const recurrent = tf.add(tf.matMul(h, recurrentKernel), recurrentBias); // [batch, 3·hidden]
      const [inputZ, inputR, inputN] = tf.split(projected, 3, 1);
      const [recurrentZ, recurrentR, recurrentN] = tf.split(recurrent, 3, 1);
      const z = tf.sigmoid(tf.add(inputZ!, recurrentZ!));
      const r = tf.sigmoid(tf.add(inputR!, recurrentR!));
      const n = tf.tanh(tf.add(inputN!, tf.mul(r, recurrentN!)));
      h = tf.add(n, tf.mul(z, tf.sub(h, n)));
      for (const [name, value] of Object.entries({ h, z, r, n, recurrentN: recurrentN! })) steps[name]!.push(value);
    }
    const reserve = ['z', 'r', 'n', 'recurrentN'].map((name) => tf.clone(joinSteps(steps[name]!)));
    return [stackSteps(steps.h!), tf.clone(h), ...reserve];
  },
  saves: {
    inputs: ['x', 'kernel', 'recurrentKernel', 'initialHidden'],
    outputs: [true, false, true, true, true, true],
  },
  gradient: ([dOutputs, dLast], [x, kernel, recurrentKernel, initialHidden, outputs, z, r, n, recurrentN]) => {
    const time = x!.shape[0]!;
    const previous = previousStates(initialHidden!, flattenSteps(outputs!));
    const zFactor = tf.mul(tf.sub(previous, n!), sigmoidDerivative(z!));
    const nFactor = tf.mul(tf.sub(1, z!), tanhDerivative(n!));
    const rFactor = tf.mul(nFactor, tf.mul(recurrentN!, sigmoidDerivative(r!)));
    // A gate's gradient is dh times a factor known after the forward pass; only dh depends on later steps.
    const recurrentFactor = tf.concat([zFactor, rFactor, tf.mul(nFactor, r!)], 1); // [time·batch, 3·hidden]
    const stepFactor = splitSteps(recurrentFactor, time);
    const update = splitSteps(z!, time);
    const dOutputSteps = splitSteps(flattenSteps(dOutputs!), time);
    const dHiddenSteps: tf.Tensor[] = [];
    let dHidden = dLast!;
    for (let t = time - 1; t >= 0; t--) {
      const dh = tf.add(dHidden, dOutputSteps[t]!);
      const dStep = tf.mul(tf.concat([dh, dh, dh], 1), stepFactor[t]!);
      dHiddenSteps.unshift(dh);
      dHidden = tf.add(tf.matMul(dStep, recurrentKernel!, false, true), tf.mul(dh, update[t]!));
    }
    const dh = joinSteps(dHiddenSteps);
    const dGates = tf.concat([dh, dh, dh], 1);
    const dRecurrentRows = tf.mul(dGates, recurrentFactor);
    const dInputRows = tf.mul(dGates, tf.concat([zFactor, rFactor, nFactor], 1));
    return {
      ...inputProjectionGradients(x!, kernel!, dInputRows),
      recurrentKernel: () => tf.matMul(previous, dRecurrentRows, true, false),
      recurrentBias: () => tf.sum(dRecurrentRows, 0),
      initialHidden: () => tf.clone(dHidden),
    };
  },
});

const resetBefore = defineKernel<ResetBeforeInputs, object>({
  name: 'GruSequenceResetBefore',
  forward: ({ x, kernel, recurrentKernel, bias, initialHidden }) => {
    const hidden = initialHidden.shape[1]!;
    const [recurrentZR, recurrentN] = tf.split(recurrentKernel, [2 * hidden, hidden], 1);
    const steps = { h: [], z: [], r: [], n: [] } as Record<string, tf.Tensor[]>;
    let h = initialHidden;
    for (const projected of projectInputs(x, kernel, bias)) {
      const [inputZR, inputN] = tf.split(projected, [2 * hidden, hidden], 1);
      const zr = tf.sigmoid(tf.add(tf.matMul(h, recurrentZR!), inputZR!));
      const [z, r] = tf.split(zr, 2, 1);
      const n = tf.tanh(tf.add(tf.matMul(tf.mul(r!, h), recurrentN!), inputN!));
      h = tf.add(n, tf.mul(z!, tf.sub(h, n)));
      for (const [name, value] of Object.entries({ h, z: z!, r: r!, n })) steps[name]!.push(value);
    }
    const reserve = ['z', 'r', 'n'].map((name) => tf.clone(joinSteps(steps[name]!)));
    return [stackSteps(steps.h!), tf.clone(h), ...reserve];
  },
  saves: { inputs: ['x', 'kernel', 'recurrentKernel', 'initialHidden'], outputs: [true, false, true, true, true] },
  gradient: ([dOutputs, dLast], [x, kernel, recurrentKernel, initialHidden, outputs, z, r, n]) => {
    const time = x!.shape[0]!;
    const hidden = initialHidden!.shape[1]!;
    const [recurrentZR, recurrentN] = tf.split(recurrentKernel!, [2 * hidden, hidden], 1);
    const previous = previousStates(initialHidden!, flattenSteps(outputs!));
    const toSteps = (rows: tf.Tensor) => splitSteps(rows, time);
    const zFactor = toSteps(tf.mul(tf.sub(previous, n!), sigmoidDerivative(z!)));
    const nFactor = toSteps(tf.mul(tf.sub(1, z!), tanhDerivative(n!)));
    const rFactor = toSteps(tf.mul(previous, sigmoidDerivative(r!)));
    const update = toSteps(z!);
    const reset = toSteps(r!);
    const dOutputSteps = toSteps(flattenSteps(dOutputs!));
    const dGates: tf.Tensor[] = [];
    let dHidden = dLast!;
    for (let t = time - 1; t >= 0; t--) {
      const dh = tf.add(dHidden, dOutputSteps[t]!);
      const dN = tf.mul(dh, nFactor[t]!);
      const dResetHidden = tf.matMul(dN, recurrentN!, false, true); // gradient of r∘h
      const dZR = tf.concat([tf.mul(dh, zFactor[t]!), tf.mul(dResetHidden, rFactor[t]!)], 1);
      dGates.unshift(tf.concat([dZR, dN], 1));
      const direct = tf.add(tf.mul(dh, update[t]!), tf.mul(dResetHidden, reset[t]!));
      dHidden = tf.add(direct, tf.matMul(dZR, recurrentZR!, false, true));
    }
    const dRows = joinSteps(dGates); // [time·batch, 3·hidden]
    const recurrentKernelGradient = () => {
      const [dZR, dN] = tf.split(dRows, [2 * hidden, hidden], 1);
      return tf.concat([tf.matMul(previous, dZR!, true, false), tf.matMul(tf.mul(r!, previous), dN!, true, false)], 1);
    };
    return {
      ...inputProjectionGradients(x!, kernel!, dRows),
      recurrentKernel: recurrentKernelGradient,
      initialHidden: () => tf.clone(dHidden),
    };
  },
});

/**
 * Runs a GRU over a sequence: the reset-after variant if `recurrentBias` is given, else the reset-before one.
 * @returns `outputs` [time, batch, hidden], every hidden state, and `hidden` [batch, hidden], the last one
 */
export function gruSequence(inputs: GruSequenceInputs): { outputs: tf.Tensor3D; hidden: tf.Tensor2D } {
  const { recurrentBias, ...shared } = inputs;
  const [outputs, hidden, ...reserve] = recurrentBias
    ? resetAfter({ ...shared, recurrentBias }, {})
    : resetBefore({ ...shared }, {});
  for (const tensor of reserve) tensor.dispose();
  return { outputs: outputs as tf.Tensor3D, hidden: hidden as tf.Tensor2D };
}
