/** `SumOfSquares`: the squared Euclidean norm of a tensor. Clipping gradients by their global norm uses it. */
import * as tf from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.js';

const kernel = defineKernel<{ x: tf.Tensor }, Record<string, never>>({
  name: 'SumOfSquares',
  forward: ({ x }) => [tf.sum(tf.square(x))],
});

/** Σ x², a scalar. Not differentiable. */
export function sumOfSquares(x: tf.Tensor): tf.Scalar {
  return kernel({ x }, {})[0] as tf.Scalar;
}
