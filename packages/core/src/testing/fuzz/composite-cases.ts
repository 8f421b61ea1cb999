/** Cases of composite functions: random chains of ops and their gradients. */
import * as tf from '@tensorflow/tfjs-core';
import type { FuzzCase } from './differential.js';
import type { Draw } from './drawing.js';

/** One op of a chain: makes the next tensor from the last one and the input w, whose shapes are equal. */
type Step = (x: tf.Tensor, w: tf.Tensor) => tf.Tensor;

const steps: Readonly<Record<string, Step>> = {
  tanh: tf.tanh,
  sigmoid: tf.sigmoid,
  softplus: tf.softplus,
  elu: tf.elu,
  'sin(x) + w': (x, w) => tf.add(tf.sin(x), w),
  x·w: tf.mul,
  'x − w': tf.sub,
  '0.5·x': (x) => tf.mul(x, 0.5),
  'x + 1e-3': (x) => tf.add(x, 1e-3),
  'x / (1 + w²)': (x, w) => tf.div(x, tf.add(tf.square(w), 1)),
  'atan2(x, 2 + w²)': (x, w) => tf.atan2(x, tf.add(tf.square(w), 2)),
  'log1p(x²)': (x) => tf.log1p(tf.square(x)),
  'exp(−x²)': (x) => tf.exp(tf.neg(tf.square(x))),
  softmax: (x) => tf.softmax(x),
  'mean over rows': (x) => tf.sub(x, tf.mean(x, 0, true)),
  'scaled by the norm': (x) => tf.div(x, tf.sqrt(tf.add(tf.sum(tf.square(x), -1, true), 1))),
  // Scaled, because a chain of them makes numbers so large that float32 is too coarse for what follows.
  'x tanh(wᵀ x)': (x, w) => tf.matMul(x as tf.Tensor2D, tf.tanh(tf.matMul(w as tf.Tensor2D, x as tf.Tensor2D, true))),
  'tanh(xᵀ)ᵀ': (x) => tf.transpose(tf.tanh(tf.transpose(x))),
  'concat and slice': (x, w) => tf.slice(tf.concat([x, w], 1), [0, 1], x.shape as [number, number]),
  'stack and mean': (x, w) => tf.mean(tf.stack([x, w, x]), 0),
  'gathered rows': (x) =>
    tf.gather(
      x,
      tf.tensor1d(
        Array.from({ length: x.shape[0]! }, (_, k) => (k * k) % x.shape[0]!),
        'int32',
      ),
    ),
  'split and swapped': (x) => tf.concat(tf.split(x, [1, x.shape[0]! - 1], 0).reverse(), 0),
  'reversed cumsum': (x) => tf.cumsum(x, 1, false, true),
  'where w > 0': (x, w) => tf.where(tf.greater(w, 0), x, tf.mul(w, x)),
  padded: (x) =>
    tf.slice(
      tf.pad(
        x,
        [
          [1, 0],
          [0, 2],
        ],
        0.3,
      ),
      [0, 1],
      x.shape as [number, number],
    ),
  logSoftmax: (x) => tf.logSoftmax(x),
  'max over columns': (x) => tf.sub(x, tf.max(x, 1, true)),
  reshaped: (x) => tf.reshape(tf.tanh(tf.reshape(x, [-1])), x.shape),
  tiled: (x) => tf.mean(tf.tile(tf.expandDims(x, 0), [3, 1, 1]), 0),
};

/** A chain of three to eight ops of x and w, with its gradients. */
export function compositeCase(draw: Draw): FuzzCase {
  const shape = [draw.integer(2, 4), draw.integer(2, 4)];
  const chain = Array.from({ length: draw.integer(3, 8) }, () => draw.one(Object.keys(steps)));
  return {
    settings: chain,
    inputs: { x: draw.floats(shape), w: draw.floats(shape) },
    fn: ({ x, w }) => chain.reduce((value, name) => steps[name]!(value, w!), x!),
    gradients: ['x', 'w'],
    sums: true,
  };
}
