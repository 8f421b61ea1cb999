/** What the kernels of the minimal recurrent units share: their inputs, and how gates are made of them. */
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
  /** float32 [time, batch] of ones and zeros; where it is zero, the state stays what it was. */
  readonly mask?: tf.Tensor;
}

/** x·W + b of all steps by one product, as `count` tensors [time·batch, hidden]. */
export function inputGates({ x, kernel, bias }: Pick<MinimalUnitInputs, 'x' | 'kernel' | 'bias'>, count: number) {
  return tf.split(tf.add(tf.matMul(flattenSteps(x), kernel), bias), count, 1);
}

/** z of all steps, zero where a step is masked: the state stays, and no gradient reaches what z was made of. */
export function masked(update: tf.Tensor, mask: tf.Tensor | undefined): tf.Tensor {
  return mask ? tf.mul(update, tf.reshape(mask, [-1, 1])) : update;
}
