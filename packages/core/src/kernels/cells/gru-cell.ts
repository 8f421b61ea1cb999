/**
 * The gated recurrent unit in both its variants: Cho et al. (2014), arXiv:1406.1078, which resets before the recurrent
 * product, and that of cuDNN and PyTorch, which resets after it and has a bias c of its own there. Gates stand in
 * Keras's order z, r, n; f is tanh and σ the logistic sigmoid, unless others are chosen:
 *
 *   [z r] = σ(x_t·W_zr + h_(t−1)·U_zr + b_zr)    h_t = z∘h_(t−1) + (1 − z)∘n
 *   before: n = f(x_t·W_n + b_n + (r∘h_(t−1))·U_n)    after: n = f(x_t·W_n + b_n + r∘(h_(t−1)·U_n + c_n))
 */
import * as tf from '@tensorflow/tfjs-core';
import { splitSteps } from '../time-steps.js';
import { type Activation, type ActivationName, activations } from './activations.js';
import type { ForwardRows, RecurrentCell } from './cell.js';

export interface GruCellOptions {
  /** True applies the reset gate after the recurrent product, false before it. */
  readonly resetAfter: boolean;
  readonly activation?: ActivationName;
  readonly recurrentActivation?: ActivationName;
}

/**
 * Creates a GRU cell. Weights, gates z, r, n: `kernel` [input, 3·hidden], `recurrentKernel` [hidden, 3·hidden], `bias`
 * [3·hidden] and, if it resets after, `recurrentBias` [3·hidden]. State: h [batch, hidden].
 */
export function gruCell(options: GruCellOptions): RecurrentCell {
  const { resetAfter, activation = 'tanh', recurrentActivation = 'sigmoid' } = options;
  const functions = { f: activations[activation], gate: activations[recurrentActivation] };
  const name = `${activation} ${recurrentActivation}`;
  const operator = { opType: 'GRU', activations: [recurrentActivation, activation], gates: [0, 1, 2] } as const;
  return resetAfter
    ? { name: `GruCell ${name}`, operator, sizes: { states: 1, reserve: 4 }, ...resetAfterSteps(functions) }
    : {
        name: `GruCellResetBefore ${name}`,
        operator,
        sizes: { states: 1, reserve: 3 },
        ...resetBeforeSteps(functions),
      };
}

interface Functions {
  readonly f: Activation;
  readonly gate: Activation;
}

/** h_t = z∘h_(t−1) + (1 − z)∘n */
const interpolate = (z: tf.Tensor, h: tf.Tensor, n: tf.Tensor) => tf.add(n, tf.mul(z, tf.sub(h, n)));

function resetAfterSteps({ f, gate }: Functions): Pick<RecurrentCell, 'forward' | 'backward'> {
  return {
    forward:
      ({ recurrentKernel, recurrentBias }) =>
      ({ projected, recurrent, states: [h] }) => {
        const product = tf.add(tf.matMul(recurrent, recurrentKernel!), recurrentBias!);
        const [inputZ, inputR, inputN] = tf.split(projected, 3, 1);
        const [recurrentZ, recurrentR, recurrentN] = tf.split(product, 3, 1);
        const z = gate.apply(tf.add(inputZ!, recurrentZ!));
        const r = gate.apply(tf.add(inputR!, recurrentR!));
        const n = f.apply(tf.add(inputN!, tf.mul(r, recurrentN!)));
        return { states: [interpolate(z, h!, n)], reserve: [z, r, n, recurrentN!] };
      },
    backward: ({ time, weights, recurrent, previousStates, reserve: [z, r, n, recurrentN] }: ForwardRows) => {
      const zFactor = tf.mul(tf.sub(previousStates[0]!, n!), gate.derivative(z!));
      const nFactor = tf.mul(tf.sub(1, z!), f.derivative(n!));
      const rFactor = tf.mul(nFactor, tf.mul(recurrentN!, gate.derivative(r!)));
      // A gate's gradient is dh times a factor known after the forward pass; only dh depends on later steps.
      const productFactor = tf.concat([zFactor, rFactor, tf.mul(nFactor, r!)], 1); // [time·batch, 3·hidden]
      const stepFactor = splitSteps(productFactor, time);
      const update = splitSteps(z!, time);
      return {
        step: (t, [dh]) => {
          const gates = tf.mul(tf.concat([dh!, dh!, dh!], 1), stepFactor[t]!);
          return {
            gates,
            recurrent: tf.matMul(gates, weights.recurrentKernel!, false, true),
            states: [tf.mul(dh!, update[t]!)],
          };
        },
        rows: ({ outputs }) => {
          const dh = outputs();
          const dGates = tf.concat([dh, dh, dh], 1);
          const dProduct = tf.mul(dGates, productFactor);
          return {
            // Only the gradient of the recurrent part of n passes the reset gate.
            projected: tf.mul(dGates, tf.concat([zFactor, rFactor, nFactor], 1)),
            weights: {
              recurrentKernel: () => tf.matMul(recurrent, dProduct, true, false),
              recurrentBias: () => tf.sum(dProduct, 0),
            },
          };
        },
      };
    },
  };
}

function resetBeforeSteps({ f, gate }: Functions): Pick<RecurrentCell, 'forward' | 'backward'> {
  /** Splits a matrix into the columns of z and r, 2·hidden, and those of n, hidden. */
  const parts = (matrix: tf.Tensor) => tf.split(matrix, [(matrix.shape[1]! * 2) / 3, matrix.shape[1]! / 3], 1);
  return {
    forward: ({ recurrentKernel }) => {
      const [kernelZR, kernelN] = parts(recurrentKernel!);
      return ({ projected, recurrent, states: [h] }) => {
        const [inputZR, inputN] = parts(projected);
        const [z, r] = tf.split(gate.apply(tf.add(tf.matMul(recurrent, kernelZR!), inputZR!)), 2, 1);
        const n = f.apply(tf.add(tf.matMul(tf.mul(r!, recurrent), kernelN!), inputN!));
        return { states: [interpolate(z!, h!, n)], reserve: [z!, r!, n] };
      };
    },
    backward: ({ time, weights, recurrent, previousStates, reserve: [z, r, n] }: ForwardRows) => {
      const [kernelZR, kernelN] = parts(weights.recurrentKernel!);
      const toSteps = (rows: tf.Tensor) => splitSteps(rows, time);
      const zFactor = toSteps(tf.mul(tf.sub(previousStates[0]!, n!), gate.derivative(z!)));
      const nFactor = toSteps(tf.mul(tf.sub(1, z!), f.derivative(n!)));
      const rFactor = toSteps(tf.mul(recurrent, gate.derivative(r!)));
      const [update, reset] = [toSteps(z!), toSteps(r!)];
      return {
        step: (t, [dh]) => {
          const dN = tf.mul(dh!, nFactor[t]!);
          const dReset = tf.matMul(dN, kernelN!, false, true); // gradient of r∘h
          const dZR = tf.concat([tf.mul(dh!, zFactor[t]!), tf.mul(dReset, rFactor[t]!)], 1);
          return {
            gates: tf.concat([dZR, dN], 1),
            recurrent: tf.add(tf.mul(dReset, reset[t]!), tf.matMul(dZR, kernelZR!, false, true)),
            states: [tf.mul(dh!, update[t]!)],
          };
        },
        rows: ({ gates }) => {
          const projected = gates();
          const recurrentKernel = () => {
            const [dZR, dN] = parts(projected);
            const dKernelN = tf.matMul(tf.mul(r!, recurrent), dN!, true, false);
            return tf.concat([tf.matMul(recurrent, dZR!, true, false), dKernelN], 1);
          };
          return { projected, weights: { recurrentKernel } };
        },
      };
    },
  };
}
