/**
 * The gated recurrent unit in both its variants; `gru/sequence.ts` has the equations and their sources. Here the
 * activation f of n and the activation σ of the gates can be chosen; the defaults are tanh and the logistic sigmoid.
 */
import * as tf from '@tensorflow/tfjs-core';
import { splitSteps } from '../time-steps.js';
import { type ActivationName, activations } from './activations.js';
import type { CellStep, ForwardRows, RecurrentCell } from './cell.js';

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
  return resetAfter
    ? { name: `GruCell ${name}`, sizes: { states: 1, reserve: 4 }, ...resetAfterSteps(functions) }
    : { name: `GruCellResetBefore ${name}`, sizes: { states: 1, reserve: 3 }, ...resetBeforeSteps(functions) };
}

type Activation = (typeof activations)[ActivationName];
interface Functions {
  readonly f: Activation;
  readonly gate: Activation;
}

/** h_t = z∘h_(t−1) + (1 − z)∘n */
const interpolate = (z: tf.Tensor, h: tf.Tensor, n: tf.Tensor) => tf.add(n, tf.mul(z, tf.sub(h, n)));

function resetAfterSteps({ f, gate }: Functions): Pick<RecurrentCell, 'forward' | 'backward'> {
  return {
    forward: ({ projected, recurrent, states: [h], weights }: CellStep) => {
      const product = tf.add(tf.matMul(recurrent, weights.recurrentKernel!), weights.recurrentBias!);
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
      const rFactor = tf.mul(tf.mul(nFactor, recurrentN!), gate.derivative(r!));
      const inputFactor = splitSteps(tf.concat([zFactor, rFactor, nFactor], 1), time);
      const recurrentFactor = splitSteps(tf.concat([zFactor, rFactor, tf.mul(nFactor, r!)], 1), time);
      const update = splitSteps(z!, time);
      /**
       * Gradient of the recurrent product, from that of the input projection: only the part of n passes the reset gate.
       */
      const productRows = (projected: tf.Tensor) => {
        const [dZ, dR, dN] = tf.split(projected, 3, 1);
        return tf.concat([dZ!, dR!, tf.mul(dN!, r!)], 1);
      };
      return {
        step: (t, [dh]) => {
          const dGates = tf.concat([dh!, dh!, dh!], 1);
          const dProduct = tf.mul(dGates, recurrentFactor[t]!);
          return {
            projected: tf.mul(dGates, inputFactor[t]!),
            recurrent: tf.matMul(dProduct, weights.recurrentKernel!, false, true),
            states: [tf.mul(dh!, update[t]!)],
          };
        },
        weights: ({ projected }) => ({
          recurrentKernel: () => tf.matMul(recurrent, productRows(projected), true, false),
          recurrentBias: () => tf.sum(productRows(projected), 0),
        }),
      };
    },
  };
}

function resetBeforeSteps({ f, gate }: Functions): Pick<RecurrentCell, 'forward' | 'backward'> {
  /** Splits a matrix into the columns of z and r, 2·hidden, and those of n, hidden. */
  const parts = (matrix: tf.Tensor) => tf.split(matrix, [(matrix.shape[1]! * 2) / 3, matrix.shape[1]! / 3], 1);
  return {
    forward: ({ projected, recurrent, states: [h], weights }: CellStep) => {
      const [kernelZR, kernelN] = parts(weights.recurrentKernel!);
      const [inputZR, inputN] = parts(projected);
      const [z, r] = tf.split(gate.apply(tf.add(tf.matMul(recurrent, kernelZR!), inputZR!)), 2, 1);
      const n = f.apply(tf.add(tf.matMul(tf.mul(r!, recurrent), kernelN!), inputN!));
      return { states: [interpolate(z!, h!, n)], reserve: [z!, r!, n] };
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
            projected: tf.concat([dZR, dN], 1),
            recurrent: tf.add(tf.mul(dReset, reset[t]!), tf.matMul(dZR, kernelZR!, false, true)),
            states: [tf.mul(dh!, update[t]!)],
          };
        },
        weights: ({ projected }) => ({
          recurrentKernel: () => {
            const [dZR, dN] = parts(projected);
            const dKernelN = tf.matMul(tf.mul(r!, recurrent), dN!, true, false);
            return tf.concat([tf.matMul(recurrent, dZR!, true, false), dKernelN], 1);
          },
        }),
      };
    },
  };
}
