/**
 * The output layer and the loss of an adaptive softmax (Grave et al. 2017, arXiv:1609.04309, section 4). The head gives
 * a word of the shortlist its probability. A word of a tail has the head's probability of that tail times the tail's
 * probability of the word. The model divides the words into shortlist and tails. The caller, who knows the targets
 * before a graph runs, passes the positions with targets in each tail; a tail is scored at these positions only.
 */
import * as tf from '@tensorflow/tfjs-core';
import { embeddingLookup, sumRowsById } from '../embedding/lookup.js';
import { logSoftmaxOfRows } from '../softmax-cross-entropy/log-softmax.js';
import { sparseSoftmaxCrossEntropy } from '../softmax-cross-entropy/sparse.js';
import { linearCrossEntropy } from './linear-cross-entropy.js';

export interface AdaptiveLayer {
  /** Weights of the head, [features, shortlist + tails]. */
  readonly kernel: tf.Tensor2D;
  /** Bias of the head, [shortlist + tails]. */
  readonly bias: tf.Tensor1D;
  /**
   * The tails in the order of their words: the first tail follows the shortlist, each other one the tail before it.
   */
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

/** int32 [capacity]: the rows whose target is in a tail, in any order; −1 fills unused places. */
export type TailPositions = tf.Tensor1D;

/**
 * The cross-entropy of each row's target. Differentiable by features, kernels, projections and bias.
 * @param features [rows, features]
 * @param positions for each tail, its rows; a row that is missing from them has the loss of the head alone
 * @param targets int32 [rows], ids by falling frequency
 * @returns [rows], in nats
 */
export function adaptiveCrossEntropy(
  features: tf.Tensor2D,
  { kernel, bias, tails }: AdaptiveLayer,
  positions: readonly TailPositions[],
  targets: tf.Tensor1D,
): tf.Tensor1D {
  // A target maps to the entry of the first tail, plus one for each later tail whose first id it reaches.
  const isLater = tails.slice(1).map(({ from }) => tf.cast(tf.greaterEqual(targets, integer(from)), 'int32'));
  const first: tf.Tensor = tf.minimum(targets, integer(tails[0]!.from));
  const entries = isLater.reduce((sum, later) => tf.add(sum, later), first);
  const headLosses = linearCrossEntropy({ features, weights: kernel, bias, targets: entries });
  const tailLosses = tails.map((tail, k) => tailCrossEntropy(features, tail, positions[k]!, targets));
  return tailLosses.reduce<tf.Tensor1D>((sum, losses) => tf.add(sum, losses), headLosses);
}

const integer = (value: number) => tf.scalar(value, 'int32');

/** The part of each row's loss that a tail contributes; zero where the target is not in the tail. */
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
  const inRange = tf.minimum(tf.maximum(words, integer(0)), integer(kernel.shape[1] - 1)); // any word, where no position is given
  const losses = linearCrossEntropy({ features: projected, weights: kernel, targets: inRange });
  const column = tf.reshape(tf.mul(losses, isGiven), [-1, 1]);
  return tf.reshape(sumRowsById(column, given, [rows, 1]), [rows]);
}

/**
 * Scores of all words; their softmax is the distribution. The shortlist has the head's scores. A word of a tail has the
 * logarithm of its probability within the tail plus the score of the tail's entry.
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

/** Rows scored at once if all tails are scored: 50 MB with 800,000 words. */
const rowsAtOnce = 16;

/**
 * Like {@link adaptiveCrossEntropy}, for targets that are not known before the graph runs. It scores all words, and so
 * takes a few rows at a time.
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
