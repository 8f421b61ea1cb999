/**
 * `SmoothedCrossEntropy`: `LinearCrossEntropy` with smoothed labels (Szegedy et al. 2016, arXiv:1512.00567, section 7).
 * A part ε of the target's probability is spread evenly over all C classes.
 *
 *   objective = −(1 − ε)·log p[target] − ε/C·Σ log p    E = p − (1 − ε)·onehot(target) − ε/C
 */
import * as tf from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.js';
import { crossEntropyWithProbabilities, softmaxError } from '../softmax-cross-entropy/sparse.js';
import { type LinearCrossEntropyInputs, outputLayerGradients } from './linear-cross-entropy.js';

interface Attributes {
  readonly transposeWeights: boolean;
  readonly smoothing: number;
}

const kernel = defineKernel<Required<LinearCrossEntropyInputs> & Record<string, tf.Tensor>, Attributes>({
  name: 'SmoothedCrossEntropy',
  forward: ({ features, weights, bias, targets }, { transposeWeights, smoothing }) => {
    const logits = tf.add(tf.matMul(features, weights, false, transposeWeights), bias);
    const { losses, probabilities } = crossEntropyWithProbabilities(logits, targets);
    const uniform = tf.sub(tf.logSumExp(logits, 1), tf.mean(logits, 1)); // −Σ log p / C
    return [tf.add(tf.mul(losses, 1 - smoothing), tf.mul(uniform, smoothing)), losses, probabilities];
  },
  saves: { inputs: ['features', 'weights', 'targets'], outputs: [false, false, true] },
  gradient: ([dObjectives], [features, weights, targets, probabilities], { transposeWeights, smoothing }) => {
    const sharp = tf.mul(softmaxError(probabilities!, targets!), 1 - smoothing);
    const even = tf.mul(tf.sub(probabilities!, 1 / probabilities!.shape[1]!), smoothing);
    const layer = { features: features!, weights: weights! };
    return outputLayerGradients(tf.add(sharp, even), dObjectives!, layer, transposeWeights);
  },
});

/**
 * The losses of each row of features·W + b against its class.
 * @param smoothing ε in (0, 1)
 * @param transposeWeights whether the weights are transposed, as those shared with an embedding are
 * @returns [rows] each, in nats: `objectives`, which are differentiable, and the plain cross-entropy `losses`, which
 * are not
 */
export function smoothedCrossEntropy(
  inputs: Required<LinearCrossEntropyInputs>,
  smoothing: number,
  transposeWeights = false,
): { readonly objectives: tf.Tensor1D; readonly losses: tf.Tensor1D } {
  const [objectives, losses, probabilities] = kernel({ ...inputs }, { transposeWeights, smoothing });
  probabilities!.dispose();
  return { objectives: objectives as tf.Tensor1D, losses: losses as tf.Tensor1D };
}
