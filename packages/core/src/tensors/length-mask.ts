/** Masks for sequences of unequal lengths. */
import * as tf from '@tensorflow/tfjs-core';

/**
 * The mask of sequences of these lengths, float32 [time, batch]: one at the steps that lie within a sequence, else zero.
 * @param lengths int32 [batch], each in [0, time]
 */
export function lengthMask(lengths: tf.Tensor, time: number): tf.Tensor2D {
  const steps = tf.tensor2d(
    Array.from({ length: time }, (_, t) => t),
    [time, 1],
    'int32',
  );
  return tf.cast(tf.less(steps, tf.reshape(lengths, [1, -1])), 'float32') as tf.Tensor2D;
}
