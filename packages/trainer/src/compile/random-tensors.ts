/**
 * Finds out which of TensorFlow.js's distributions a tensor was drawn from, given the seed of its generator, so that it
 * can be drawn again from another seed: the numbers must be those of the distribution, shifted and scaled.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Random } from '@unroll/core/decoding';
import { UnrollError } from '../errors.js';

/** A tensor that each step draws anew. */
export interface DrawnTensor {
  readonly shape: readonly number[];
  /** @param step 0 for the first */
  readonly draw: (random: Random, step: number) => Float32Array;
}

export function unrepeatable(): UnrollError {
  return new UnrollError(
    'the model draws random numbers that a compiled step cannot repeat; use tf.dropout, tf.randomUniform or tf.randomNormal, or pass them as an input',
  );
}

/** Values of a distribution, moved to `offset` and stretched by `scale`. */
type Distribution = (shape: number[], offset: number, scale: number, seed: number) => tf.Tensor;

const uniform: Distribution = (shape, offset, scale, seed) =>
  tf.randomUniform(shape, offset, offset + scale, 'float32', seed);
const normal: Distribution = (shape, offset, scale, seed) => tf.randomNormal(shape, offset, scale, 'float32', seed);
const truncatedNormal: Distribution = (shape, offset, scale, seed) =>
  tf.truncatedNormal(shape, offset, scale, 'float32', seed);

/** A seed whose first normal number is further than two deviations from the mean: truncation then drops it. */
export const telltaleSeed = 0.022;

/**
 * @param values what was drawn from {@link telltaleSeed}
 * @throws UnrollError if they are of no distribution known here
 */
export function recogniseDistribution(values: ArrayLike<number>, shape: number[]): DrawnTensor {
  for (const distribution of [uniform, normal, truncatedNormal]) {
    const fit = fitted(sample(distribution, shape, 0, 1, telltaleSeed), values);
    if (fit) return { shape, draw: (random) => sample(distribution, shape, fit.offset, fit.scale, random()) };
  }
  throw unrepeatable();
}

function sample(distribution: Distribution, shape: number[], offset: number, scale: number, seed: number) {
  return tf.tidy(() => distribution(shape, offset, scale, seed).dataSync() as Float32Array);
}

/** The offset and scale that make `values` of the standard ones; undefined if none do. */
function fitted(standard: ArrayLike<number>, values: ArrayLike<number>) {
  if (standard.length !== values.length) return undefined;
  const closeTo = (offset: number, scale: number) =>
    Array.from(standard).every(
      (value, k) => Math.abs(offset + scale * value - values[k]!) < 1e-5 * (Math.abs(offset) + Math.abs(scale)),
    );
  if (closeTo(0, 1)) return { offset: 0, scale: 1 };
  if (standard.length < 3) return undefined; // any two numbers fit
  const order = [...Array(standard.length).keys()].sort((a, b) => standard[a]! - standard[b]!);
  const [low, high] = [order[0]!, order.at(-1)!];
  const scale = (values[high]! - values[low]!) / (standard[high]! - standard[low]!);
  const offset = values[low]! - scale * standard[low]!;
  return closeTo(offset, scale) ? { offset, scale } : undefined;
}
