/** `LogSoftmaxOfRows`: the log-softmax of each row. ONNX has it as one operator; TensorFlow.js composes it. */
import * as tf from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.js';

const kernel = defineKernel<{ logits: tf.Tensor }, Record<string, never>>({
  name: 'LogSoftmaxOfRows',
  forward: ({ logits }) => [tf.logSoftmax(logits)],
  saves: { inputs: [], outputs: [true] },
  gradient: ([dy], [logProbabilities]) => ({
    logits: () => tf.sub(dy!, tf.mul(tf.exp(logProbabilities!), tf.sum(dy!, 1, true))),
  }),
});

/**
 * The log-softmax of each row.
 * @param logits [rows, classes]
 */
export function logSoftmaxOfRows(logits: tf.Tensor2D): tf.Tensor2D {
  return kernel({ logits }, {})[0] as tf.Tensor2D;
}
