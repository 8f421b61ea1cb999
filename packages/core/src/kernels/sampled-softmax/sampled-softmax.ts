/**
 * Cross-entropy over the target and a sample of the vocabulary, for training with vocabularies of which the whole softmax
 * costs too much. Jean et al. (2015), "On using very large target vocabulary for neural machine translation", section 3,
 * after Bengio and Senécal (2008): with ln Q subtracted from each score, Q being how often the word is expected in the
 * sample, the gradient estimates that of the whole softmax.
 */
import * as tf from '@tensorflow/tfjs-core';
import { embeddingLookup } from '../embedding/lookup.js';
import { sparseSoftmaxCrossEntropy } from '../softmax-cross-entropy/sparse.js';

export interface SampledSoftmaxInputs {
  /** [rows, features] */
  readonly features: tf.Tensor2D;
  /** A row for each word, [vocab, features]. */
  readonly weights: tf.Tensor2D;
  /** [vocab] */
  readonly bias: tf.Tensor1D;
  /** int32 [rows] */
  readonly targets: tf.Tensor1D;
  /** int32 [samples], shared by all rows */
  readonly candidates: tf.Tensor1D;
  /** ln Q of the candidates, [samples] */
  readonly candidateLogCounts: tf.Tensor1D;
  /** ln Q of the targets, [rows] */
  readonly targetLogCounts: tf.Tensor1D;
}

/** What a candidate's score loses where it is the row's target, which is not to count twice: e to this power is 0. */
const excluded = 1e9;

/** @returns [rows], in nats: less than the whole softmax's, because fewer words compete */
export function sampledSoftmaxCrossEntropy(inputs: SampledSoftmaxInputs): tf.Tensor1D {
  const { features, weights, bias, targets, candidates, candidateLogCounts, targetLogCounts } = inputs;
  const biases = tf.reshape<tf.Rank.R2>(bias, [-1, 1]);
  const row = (vector: tf.Tensor) => tf.reshape(vector, [1, -1]);
  const column = (vector: tf.Tensor) => tf.reshape(vector, [-1, 1]);
  const sizes = [targets.size, candidates.size];

  // One lookup of both: its gradient is one table, not two.
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
