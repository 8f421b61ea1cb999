/**
 * `MaxOverAxis`: the greatest value along an axis. Its gradient is shared by all values that are greatest, where that of
 * TensorFlow.js's own `max` goes to each of them in full: too much where the same value stands at several places, as the
 * features of a word do in which letters repeat.
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

/** `x` without its axis `axis`. */
export function maxOverAxis(x: tf.Tensor, axis: number): tf.Tensor {
  return kernel({ x }, { axis })[0]!;
}
