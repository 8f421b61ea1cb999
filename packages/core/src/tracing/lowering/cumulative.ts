/** Sums and products of all elements up to each one, along an axis. */
import * as tf from '@tensorflow/tfjs-core';
import { byOps } from './by-ops.js';
import { castTo } from './casting.js';
import type { Lowering, LoweringTable } from './lowering.js';

const cumsum: Lowering = ({ inputs: { x }, attrs, graph }) => {
  const numbers = x!.dtype === 'bool' ? castTo(graph, x!, 'int32') : x!;
  const attributes = { exclusive: { i: Number(attrs.exclusive) }, reverse: { i: Number(attrs.reverse) } };
  const axis = tf.util.parseAxisParam(attrs.axis as number, x!.shape)[0]!;
  return graph.emit('CumSum', [numbers, graph.scalar(axis, 'int32')], numbers, { attributes });
};

/** ONNX has no such operator: in log₂(size) rounds, each element is multiplied by the one 1, 2, 4, … before it. */
const cumprod = byOps(({ x }, attrs) => {
  const axis = tf.util.parseAxisParam(attrs.axis as number, x!.shape)[0]!;
  const numbers = x!.dtype === 'bool' ? tf.cast(x!, 'int32') : x!;
  const forward = (t: tf.Tensor) => (attrs.reverse ? tf.reverse(t, axis) : t);
  let product = forward(numbers);
  if (attrs.exclusive) product = movedBy(product, 1, axis);
  for (let distance = 1; distance < x!.shape[axis]!; distance *= 2) {
    product = tf.mul(product, movedBy(product, distance, axis));
  }
  return forward(product);
});

/** Moves elements along an axis to higher positions, with ones before them. */
function movedBy(x: tf.Tensor, distance: number, axis: number): tf.Tensor {
  const size = x.shape[axis]!;
  const count = Math.min(distance, size);
  const ones = tf.ones(x.shape.with(axis, count), x.dtype);
  if (count === size) return ones;
  const begin = x.shape.map(() => 0);
  return tf.concat([ones, tf.slice(x, begin, x.shape.with(axis, size - count))], axis);
}

export const cumulative: LoweringTable = { Cumsum: cumsum, Cumprod: cumprod };
