/**
 * `SparseSoftmaxCrossEntropy`: −log softmax(logits)[target] for each row, with class ids as targets.
 * Its gradient, (softmax(logits) − onehot(target))·dy, needs no one-hot matrix where the backend can scatter.
 */
import * as tf from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.js';

const gradientOfLogits = defineKernel<
  { logProbabilities: tf.Tensor; targets: tf.Tensor; dLoss: tf.Tensor },
  Record<string, never>
>({
  name: 'SparseSoftmaxCrossEntropyGrad',
  forward: ({ logProbabilities, targets, dLoss }) => {
    const [rows = 0, classes = 0] = logProbabilities.shape;
    // The wasm backend writes integers whatever dtype tf.oneHot is asked for, hence the cast.
    const target = tf.cast(tf.oneHot(targets as tf.Tensor1D, classes), 'float32');
    const difference = tf.sub(tf.exp(logProbabilities), target);
    return [tf.mul(difference, tf.reshape(dLoss, [rows, 1]))];
  },
});

const kernel = defineKernel<{ logits: tf.Tensor; targets: tf.Tensor }, Record<string, never>>({
  name: 'SparseSoftmaxCrossEntropy',
  forward: ({ logits, targets }) => {
    const rows = logits.shape[0]!;
    const logProbabilities = tf.logSoftmax(logits);
    const indices = tf.stack([tf.range(0, rows, 1, 'int32'), targets], 1);
    return [tf.neg(tf.gatherND(logProbabilities, indices)), logProbabilities];
  },
  saves: { inputs: ['targets'], outputs: [false, true] },
  gradient: ([dLoss], [targets, logProbabilities]) => ({
    logits: () => gradientOfLogits({ logProbabilities: logProbabilities!, targets: targets!, dLoss: dLoss! }, {})[0]!,
  }),
});

/**
 * Cross-entropy of each row against its class.
 * @param logits [rows, classes]
 * @param targets int32 [rows], each in [0, classes)
 * @returns [rows], in nats
 */
export function sparseSoftmaxCrossEntropy(logits: tf.Tensor2D, targets: tf.Tensor1D): tf.Tensor1D {
  const [loss, logProbabilities] = kernel({ logits, targets }, {});
  logProbabilities!.dispose();
  return loss as tf.Tensor1D;
}
