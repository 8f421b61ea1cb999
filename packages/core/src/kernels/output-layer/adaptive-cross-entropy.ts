/**
 * The output layer and the loss of an adaptive softmax (Grave et al. 2017, arXiv:1609.04309, section 4): a word of the shortlist
 * has the probability that the head gives it; a word of a tail, the head's probability of that tail times the tail's of the
 * word. How words are divided is the model's affair; which positions have targets in which tail is the caller's, who knows
 * the targets before a graph runs: so a tail is scored at these positions only.
 */
import * as tf from '@tensorflow/tfjs-core';
import { embeddingLookup, sumRowsById } from '../embedding/lookup.js';
import { logSoftmaxOfRows } from '../softmax-cross-entropy/log-softmax.js';
import { sparseSoftmaxCrossEntropy } from '../softmax-cross-entropy/sparse.js';
import { linearCrossEntropy } from './linear-cross-entropy.js';

export interface AdaptiveLayer {
  /** Of the head, [features, shortlist + tails]. */
  readonly kernel: tf.Tensor2D;
  /** Of the head, [shortlist + tails]. */
  readonly bias: tf.Tensor1D;
  /** The first one's words follow those of the shortlist, the others' each those of the one before. */
  readonly tails: readonly AdaptiveTail[];
}

export interface AdaptiveTail {
  /** The id of its first word. */
  readonly from: number;
  /** [features, width] */
  readonly projection: tf.Tensor2D;
  /** [width, words] */
  readonly kernel: tf.Tensor2D;
}

/** int32 [capacity]: the rows of which the target is in a tail, in any order, and −1 wherever there are no more. */
export type TailPositions = tf.Tensor1D;

/**
 * The cross-entropy of each row's target. Differentiable by features, kernels, projections and bias.
 * @param features [rows, features]
 * @param positions of each tail; a row that they lack has the loss of the head alone
 * @param targets int32 [rows], ids by falling frequency
 * @returns [rows], in nats
 */
export function adaptiveCrossEntropy(
  features: tf.Tensor2D,
  { kernel, bias, tails }: AdaptiveLayer,
  positions: readonly TailPositions[],
  targets: tf.Tensor1D,
): tf.Tensor1D {
  // The entry of a tail is the first one's unless its words are of a later tail.
  const isLater = tails.slice(1).map(({ from }) => tf.cast(tf.greaterEqual(targets, integer(from)), 'int32'));
  const first: tf.Tensor = tf.minimum(targets, integer(tails[0]!.from));
  const entries = isLater.reduce((sum, later) => tf.add(sum, later), first);
  const headLosses = linearCrossEntropy({ features, weights: kernel, bias, targets: entries });
  const tailLosses = tails.map((tail, k) => tailCrossEntropy(features, tail, positions[k]!, targets));
  return tailLosses.reduce<tf.Tensor1D>((sum, losses) => tf.add(sum, losses), headLosses);
}

const integer = (value: number) => tf.scalar(value, 'int32');

/** What a tail adds to the loss of each row: zero where the target is not its. */
function tailCrossEntropy(
  features: tf.Tensor2D,
  { from, projection, kernel }: AdaptiveTail,
  positions: TailPositions,
  targets: tf.Tensor1D,
): tf.Tensor1D {
  const [rows] = features.shape;
  const isGiven = tf.cast(tf.greaterEqual(positions, integer(0)), 'float32');
  const given = tf.maximum(positions, integer(0)) as tf.Tensor1D;
  const projected = tf.matMul(embeddingLookup(features, given) as tf.Tensor2D, projection); // [capacity, width]
  const words = tf.sub(tf.gather(targets, given), integer(from));
  const inRange = tf.minimum(tf.maximum(words, integer(0)), integer(kernel.shape[1] - 1)); // any, where none is given
  const losses = linearCrossEntropy({ features: projected, weights: kernel, targets: inRange });
  const column = tf.reshape(tf.mul(losses, isGiven), [-1, 1]);
  return tf.reshape(sumRowsById(column, given, [rows, 1]), [rows]);
}

/**
 * Scores of all words, of which the softmax is the distribution: the head's of the shortlist, and of each tail the logarithms
 * of its words' probabilities plus the score of its entry.
 * @param features [rows, features]
 * @returns [rows, words]
 */
export function adaptiveScores(features: tf.Tensor2D, { kernel, bias, tails }: AdaptiveLayer): tf.Tensor2D {
  const sizes = [tails[0]!.from, ...tails.map(() => 1)];
  const [shortlist, ...entries] = tf.split(tf.add(tf.matMul(features, kernel), bias), sizes, 1) as tf.Tensor2D[];
  const scores = tails.map((tail, k) => {
    const logits = tf.matMul(tf.matMul(features, tail.projection), tail.kernel) as tf.Tensor2D;
    return tf.add(logSoftmaxOfRows(logits), entries[k]!) as tf.Tensor2D;
  });
  return tf.concat2d([shortlist!, ...scores], 1);
}

/** Rows that are scored at once where all tails are: of 800,000 words, 50 MB. */
const rowsAtOnce = 16;

/**
 * {@link adaptiveCrossEntropy} where nobody knows the targets before, at the price of scoring all words: some rows after others.
 * @returns [rows], in nats
 */
export function adaptiveCrossEntropyOfAll(
  features: tf.Tensor2D,
  layer: AdaptiveLayer,
  targets: tf.Tensor1D,
): tf.Tensor1D {
  const [rows] = features.shape;
  const losses: tf.Tensor1D[] = [];
  for (let from = 0; from < rows; from += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, rows - from);
    const scores = adaptiveScores(tf.slice2d(features, [from, 0], [count, -1]), layer);
    losses.push(sparseSoftmaxCrossEntropy(scores, tf.slice1d(targets, from, count)));
  }
  return tf.concat1d(losses);
}
