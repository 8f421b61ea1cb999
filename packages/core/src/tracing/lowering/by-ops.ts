/** Lowers a kernel by calling TensorFlow.js ops, which are traced in turn. */
import * as tf from '@tensorflow/tfjs-core';
import type { KernelCall, Lowering } from './lowering.js';

type Compute = (inputs: Record<string, tf.Tensor>, attrs: KernelCall['attrs']) => tf.Tensor | tf.Tensor[];

/**
 * Kernels get tensors as inputs, although TensorFlow.js declares only their data. The result has an identity of its own,
 * also where it is an input: the tape of gradients would count one tensor twice.
 */
export function byOps(compute: Compute): Lowering {
  return ({ inputs, attrs, graph }) => {
    const results = compute(inputs as Record<string, tf.Tensor>, attrs);
    return Array.isArray(results) ? results.map((result) => graph.alias(result)) : graph.alias(results);
  };
}

/** Takes elements at constant positions along an axis. */
export function taken(x: tf.Tensor, positions: readonly number[], axis: number): tf.Tensor {
  return tf.gather(x, tf.tensor1d([...positions], 'int32'), axis);
}
