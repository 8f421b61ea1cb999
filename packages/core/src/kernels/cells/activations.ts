/**
 * The activation functions of recurrent cells, by Keras's names. Each derivative is computed from the function's value.
 */
import * as tf from '@tensorflow/tfjs-core';
import { sigmoidDerivative, tanhDerivative } from '../time-steps.js';

export interface Activation {
  readonly apply: (x: tf.Tensor) => tf.Tensor;
  /** The derivative at x, given the function's value y there. */
  readonly derivative: (y: tf.Tensor) => tf.Tensor;
}

export const activations = {
  tanh: { apply: (x) => tf.tanh(x), derivative: tanhDerivative },
  relu: { apply: (x) => tf.relu(x), derivative: (y) => tf.step(y) },
  sigmoid: { apply: (x) => tf.sigmoid(x), derivative: sigmoidDerivative },
  /** x/5 + 1/2, clipped to [0, 1]: the hard sigmoid of Keras 2 and TensorFlow.js. */
  hardSigmoid: {
    apply: (x) => tf.clipByValue(tf.add(tf.mul(x, 0.2), 0.5), 0, 1),
    derivative: (y) => tf.mul(tf.step(sigmoidDerivative(y)), 0.2),
  },
  /** x/6 + 1/2, clipped to [0, 1]: the hard sigmoid of PyTorch and Keras 3, where it is relu6(x + 3)/6. */
  hardSigmoidRelu6: {
    apply: (x) => tf.clipByValue(tf.add(tf.mul(x, 1 / 6), 0.5), 0, 1),
    derivative: (y) => tf.mul(tf.step(sigmoidDerivative(y)), 1 / 6),
  },
  linear: { apply: (x) => tf.clone(x), derivative: (y) => tf.onesLike(y) },
} as const satisfies Record<string, Activation>;

export type ActivationName = keyof typeof activations;

export const activationNames = Object.keys(activations) as ActivationName[];
