/** Shared by the kernels of the minimal recurrent units: their inputs and the computation of their gates. */
import * as tf from '@tensorflow/tfjs-core';
import { flattenSteps } from '../time-steps.js';

export interface MinimalUnitInputs {
  /** [time, batch, input] */
  readonly x: tf.Tensor;
  /** [input, gates·hidden] */
  readonly kernel: tf.Tensor;
  /** [gates·hidden] */
  readonly bias: tf.Tensor;
  /** [batch, hidden] */
  readonly initialHidden: tf.Tensor;
  /** float32 [time, batch] of ones and zeros; at a zero, the state stays unchanged. */
  readonly mask?: tf.Tensor;
}

/** x·W + b of all steps in one product, split into `count` tensors [time·batch, hidden]. */
export function inputGates({ x, kernel, bias }: Pick<MinimalUnitInputs, 'x' | 'kernel' | 'bias'>, count: number) {
  return tf.split(tf.add(tf.matMul(flattenSteps(x), kernel), bias), count, 1);
}

/** Sets z to zero at masked steps: the state stays unchanged, and no gradient reaches the inputs of z. */
export function masked(update: tf.Tensor, mask: tf.Tensor | undefined): tf.Tensor {
  return mask ? tf.mul(update, tf.reshape(mask, [-1, 1])) : update;
}
