/**
 * Cross-entropy over the target and a sample of the vocabulary, for training with vocabularies whose full softmax costs
 * too much. Jean et al. (2015), "On using very large target vocabulary for neural machine translation", section 3,
 * after Bengio and Senécal (2008). Each score is reduced by ln Q, where Q is the word's expected count in the sample.
 * The gradient then estimates that of the full softmax.
 */
import * as tf from '@tensorflow/tfjs-core';
import { embeddingLookup } from '../embedding/lookup.js';
import { sparseSoftmaxCrossEntropy } from '../softmax-cross-entropy/sparse.js';

export interface SampledSoftmaxInputs {
  /** [rows, features] */
  readonly features: tf.Tensor2D;
  /** [vocab, features]: one row for each word. */
  readonly weights: tf.Tensor2D;
  /** [vocab] */
  readonly bias: tf.Tensor1D;
  /** int32 [rows]: the target word of each row */
  readonly targets: tf.Tensor1D;
  /** int32 [samples], shared by all rows */
  readonly candidates: tf.Tensor1D;
  /** ln Q of the candidates, [samples] */
  readonly candidateLogCounts: tf.Tensor1D;
  /** ln Q of the targets, [rows] */
  readonly targetLogCounts: tf.Tensor1D;
}

/**
 * Subtracted from a candidate's score where the candidate is the row's target, so that it does not count twice: exp of
 * the result is 0.
 */
const excluded = 1e9;

/**
 * Cross-entropy of each row against its target.
 * @returns [rows], in nats: less than with the full softmax, because fewer words compete
 */
export function sampledSoftmaxCrossEntropy(inputs: SampledSoftmaxInputs): tf.Tensor1D {
  const { features, weights, bias, targets, candidates, candidateLogCounts, targetLogCounts } = inputs;
  const biases = tf.reshape<tf.Rank.R2>(bias, [-1, 1]);
  const row = (vector: tf.Tensor) => tf.reshape(vector, [1, -1]);
  const column = (vector: tf.Tensor) => tf.reshape(vector, [-1, 1]);
  const sizes = [targets.size, candidates.size];

  // One lookup for both, so that the gradient is one table instead of two.
  const words = tf.concat([targets, candidates]);
  const [targetRows, candidateRows] = tf.split(embeddingLookup(weights, words) as tf.Tensor2D, sizes);
  const [targetBiases, candidateBiases] = tf.split(embeddingLookup(biases, words) as tf.Tensor2D, sizes);

  const targetProducts = tf.sum(tf.mul(features, targetRows!), 1, true); // [rows, 1]
  const targetScores = tf.sub(tf.add(targetProducts, targetBiases!), column(targetLogCounts));
  const products = tf.matMul(features, candidateRows!, false, true); // [rows, samples]
  const corrections = tf.sub(row(candidateBiases!), row(candidateLogCounts));
  const isTarget = tf.cast(tf.equal(column(targets), row(candidates)), 'float32'); // [rows, samples]
  const scores = tf.sub(tf.add(products, corrections), tf.mul(isTarget, excluded));

  const logits = tf.concat2d([targetScores as tf.Tensor2D, scores as tf.Tensor2D], 1); // [rows, 1 + samples]
  return sparseSoftmaxCrossEntropy(logits, tf.zeros([targets.size], 'int32'));
}
