/** Lowers a kernel by calling TensorFlow.js ops, which are traced in turn. */
import * as tf from '@tensorflow/tfjs-core';
import type { KernelCall, Lowering } from './lowering.js';

type Compute = (inputs: Record<string, tf.Tensor>, attrs: KernelCall['attrs']) => tf.Tensor | tf.Tensor[];

/** Kernels get tensors as inputs, although TensorFlow.js declares only their data. */
export function byOps(compute: Compute): Lowering {
  return ({ inputs, attrs }) => tf.tidy(() => compute(inputs as Record<string, tf.Tensor>, attrs));
}

/** Takes elements at constant positions along an axis. */
export function taken(x: tf.Tensor, positions: readonly number[], axis: number): tf.Tensor {
  return tf.gather(x, tf.tensor1d([...positions], 'int32'), axis);
}
