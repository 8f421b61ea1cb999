/**
 * The neural cache: a word that followed a state similar to the present one is likely to follow again. Grave, Joulin
 * and Usunier (2017), "Improving neural language models with a continuous cache". It needs no training: it compares the
 * model's features with earlier ones and knows the token that followed each.
 */
import * as tf from '@tensorflow/tfjs-core';
import { nextOf } from '../tensors/roles.js';
import type { Program } from './program.js';

export interface NeuralCacheShape {
  /** Number of remembered tokens: each prediction uses this many preceding tokens. */
  readonly size: number;
  /** Width of the features. */
  readonly width: number;
  /** Number of tokens in one run. */
  readonly time: number;
}

/** Stands for the token after a feature while the cache is not yet full. */
export const noFollower = -1;

/** A score so far below all others that it has no weight beside them. */
const unseen = -1e30;

/**
 * Computes the cache's probability of each next token, equation 3: p(w) ∝ Σᵢ 1{w = wᵢ₊₁}·exp(θ·hₜ·hᵢ), over the `size`
 * positions i before t.
 *
 * Inputs: `features` [time, width] of consecutive tokens; `followers` int32 [size + time], the tokens after the cached
 * features and then after these; and `cachedFeatures` [size, width], the last ones before them, zeros at the start.
 * Outputs: `cacheProbabilities` [time] of the tokens that follow `features`, zero if nothing is cached, and
 * `next.cachedFeatures`.
 * @param theta weight of the similarity of two states; with 0 the result is the frequency of words in the cache
 */
export function neuralCacheProgram({ size, width, time }: NeuralCacheShape, theta: number): Program {
  return {
    inputs: {
      cachedFeatures: { shape: [size, width], dtype: 'float32' },
      features: { shape: [time, width], dtype: 'float32' },
      followers: { shape: [size + time], dtype: 'int32' },
    },
    run: ({ cachedFeatures, features, followers }) => {
      const keys = tf.concat([cachedFeatures!, features!]) as tf.Tensor2D; // [size + time, width]
      const scores = tf.mul(tf.matMul(features as tf.Tensor2D, keys, false, true), theta); // [time, size + time]
      const row = tf.expandDims(followers!, 0); // [1, size + time]
      const isSeen = tf.logicalAnd(isInWindow(size, time), tf.notEqual(row, tf.scalar(noFollower, 'int32')));
      const weights = tf.softmax(tf.where(isSeen, scores, tf.fill(scores.shape, unseen)));
      const targets = tf.expandDims(tf.slice(followers!, [size], [time]), 1); // [time, 1]
      const isSame = tf.cast(tf.logicalAnd(isSeen, tf.equal(targets, row)), 'float32');
      return {
        cacheProbabilities: tf.sum(tf.mul(weights, isSame), 1),
        [nextOf('cachedFeatures')]: tf.slice(keys, [time, 0], [size, width]),
      };
    },
  };
}

/** Marks, in row t, the `size` keys before its own, which is at size + t: [time, size + time]. */
function isInWindow(size: number, time: number): tf.Tensor {
  const columns = tf.expandDims(tf.range(0, size + time), 0);
  const rows = tf.expandDims(tf.range(0, time), 1);
  const age = tf.sub(columns, rows);
  return tf.logicalAnd(tf.greaterEqual(age, 0), tf.less(age, size));
}

/**
 * Computes the loss of a token under the mixture of equation 4, (1 − λ)·p_model + λ·p_cache, in nats, in float64.
 * @param loss loss under the model alone, in nats
 * @param lambda weight of the cache, in [0, 1)
 */
export function lossWithCache(loss: number, cacheProbability: number, lambda: number): number {
  const ofModel = Math.log(1 - lambda) - loss;
  const ofCache = Math.log(lambda * cacheProbability);
  const greater = Math.max(ofModel, ofCache);
  return -(greater + Math.log(Math.exp(ofModel - greater) + Math.exp(ofCache - greater)));
}
