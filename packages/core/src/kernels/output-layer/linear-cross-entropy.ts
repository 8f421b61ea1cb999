/**
 * `LinearCrossEntropy`: the output layer of a classifier and its cross-entropy in one kernel. As two kernels, the
 * loss's gradient would scale each row of a matrix as large as the logits. Together, only the features are scaled,
 * which are narrow:
 *
 *   E = softmax(X·W + b) − onehot(target)    dX = dy∘(E·Wᵀ)    dW = (dy∘X)ᵀ·E    db = dyᵀ·E
 */
import * as tf from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.js';
import { crossEntropyWithProbabilities, softmaxError } from '../softmax-cross-entropy/sparse.js';

export interface LinearCrossEntropyInputs {
  /** [rows, features] */
  readonly features: tf.Tensor;
  /** [features, classes], or [classes, features] if `transposeWeights` */
  readonly weights: tf.Tensor;
  /** [classes]; default no bias */
  readonly bias?: tf.Tensor;
  /** int32 [rows], each in [0, classes) */
  readonly targets: tf.Tensor;
}

const kernel = defineKernel<LinearCrossEntropyInputs & Record<string, tf.Tensor>, { transposeWeights: boolean }>({
  name: 'LinearCrossEntropy',
  forward: ({ features, weights, bias, targets }, { transposeWeights }) => {
    const product = tf.matMul(features, weights, false, transposeWeights);
    const logits = bias ? tf.add(product, bias) : product;
    const { losses, probabilities } = crossEntropyWithProbabilities(logits, targets);
    return [losses, probabilities];
  },
  saves: { inputs: ['features', 'weights', 'targets'], outputs: [false, true] },
  gradient: ([dLosses], [features, weights, targets, probabilities], { transposeWeights }) => {
    const error = softmaxError(probabilities!, targets!); // [rows, classes]
    return outputLayerGradients(error, dLosses!, { features: features!, weights: weights! }, transposeWeights);
  },
});

/**
 * The gradients of an output layer. `error` [rows, classes] is the gradient of each row's loss with respect to its
 * logits; `dLosses` is that of the losses.
 */
export function outputLayerGradients(
  error: tf.Tensor,
  dLosses: tf.Tensor,
  { features, weights }: Pick<LinearCrossEntropyInputs, 'features' | 'weights'>,
  transposeWeights: boolean,
) {
  const column = tf.reshape(dLosses, [-1, 1]);
  return {
    features: () => tf.mul(tf.matMul(error, weights, false, !transposeWeights), column),
    weights: () => {
      const scaled = tf.mul(features, column);
      return transposeWeights ? tf.matMul(error, scaled, true, false) : tf.matMul(scaled, error, true, false);
    },
    bias: () => tf.reshape(tf.matMul(tf.reshape(dLosses, [1, -1]), error), [error.shape[1]!]),
  };
}

/**
 * Cross-entropy of each row of features·W + b against its class.
 * @param transposeWeights whether the weights are transposed, as those shared with an embedding are
 * @returns [rows], in nats
 */
export function linearCrossEntropy(inputs: LinearCrossEntropyInputs, transposeWeights = false): tf.Tensor1D {
  const [losses, probabilities] = kernel({ ...inputs }, { transposeWeights });
  probabilities!.dispose();
  return losses as tf.Tensor1D;
}
