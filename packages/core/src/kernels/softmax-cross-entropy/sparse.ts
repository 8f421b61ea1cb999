/**
 * `SparseSoftmaxCrossEntropy`: −log softmax(logits)[target] for each row, with class ids as targets. Its gradient,
 * (softmax(logits) − onehot(target))·dy, needs no one-hot matrix if the backend can scatter.
 */
import * as tf from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.js';

const minusOneHot = defineKernel<{ probabilities: tf.Tensor; targets: tf.Tensor }, Record<string, never>>({
  name: 'MinusOneHot',
  forward: ({ probabilities, targets }) => {
    const classes = probabilities.shape[1]!;
    // The wasm backend ignores the dtype argument of tf.oneHot and writes integers, hence the cast.
    return [tf.sub(probabilities, tf.cast(tf.oneHot(targets as tf.Tensor1D, classes), 'float32'))];
  },
});

/**
 * The gradient of each row's cross-entropy with respect to its logits.
 * @param probabilities softmax(logits), [rows, classes]
 * @param targets int32 [rows]
 */
export function softmaxError(probabilities: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  return minusOneHot({ probabilities, targets }, {})[0]!;
}

const kernel = defineKernel<{ logits: tf.Tensor; targets: tf.Tensor }, Record<string, never>>({
  name: 'SparseSoftmaxCrossEntropy',
  forward: ({ logits, targets }) => {
    const logProbabilities = tf.logSoftmax(logits);
    const indices = tf.stack([tf.range(0, logits.shape[0]!, 1, 'int32'), targets], 1);
    return [tf.neg(tf.gatherND(logProbabilities, indices)), tf.exp(logProbabilities)];
  },
  saves: { inputs: ['targets'], outputs: [false, true] },
  gradient: ([dLoss], [targets, probabilities]) => ({
    logits: () => tf.mul(softmaxError(probabilities!, targets!), tf.reshape(dLoss!, [-1, 1])),
  }),
});

/**
 * Cross-entropy of each row against its class.
 * @param logits [rows, classes]
 * @param targets int32 [rows], each in [0, classes)
 * @returns [rows], in nats
 */
export function sparseSoftmaxCrossEntropy(logits: tf.Tensor2D, targets: tf.Tensor1D): tf.Tensor1D {
  const { losses, probabilities } = crossEntropyWithProbabilities(logits, targets);
  probabilities.dispose();
  return losses;
}

/**
 * {@link sparseSoftmaxCrossEntropy} together with the softmax of the logits, [rows, classes], which its gradient needs.
 */
export function crossEntropyWithProbabilities(logits: tf.Tensor, targets: tf.Tensor) {
  const [losses, probabilities] = kernel({ logits, targets }, {});
  return { losses: losses as tf.Tensor1D, probabilities: probabilities as tf.Tensor2D };
}
