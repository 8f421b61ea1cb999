/**
 * `MaxOverAxis`: the greatest value along an axis. Several equal maxima share the gradient. TensorFlow.js's own `max`
 * passes each of them the full gradient. That is too much where a value repeats, as in the features of a word with
 * repeated letters.
 */
import * as tf from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.js';

const kernel = defineKernel<{ x: tf.Tensor }, { axis: number }>({
  name: 'MaxOverAxis',
  forward: ({ x }, { axis }) => [tf.max(x, axis)],
  saves: { inputs: ['x'], outputs: [true] },
  gradient: ([dMaxima], [x, maxima], { axis }) => ({
    x: () => {
      const isGreatest = tf.cast(tf.equal(x!, tf.expandDims(maxima!, axis)), 'float32');
      return tf.mul(tf.div(isGreatest, tf.sum(isGreatest, axis, true)), tf.expandDims(dMaxima!, axis));
    },
  }),
});

/** The maximum of `x` along `axis`; the result lacks that axis. */
export function maxOverAxis(x: tf.Tensor, axis: number): tf.Tensor {
  return kernel({ x }, { axis })[0]!;
}
