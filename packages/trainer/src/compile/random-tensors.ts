/**
 * Finds out which of TensorFlow.js's distributions a tensor was drawn from, given the seed of its generator. Its
 * numbers must be those of the distribution, shifted and scaled. The tensor can then be drawn again from another seed.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Random } from '@unroll/core/decoding';
import { UnrollError } from '../errors.js';

/** A tensor that each step draws anew. */
export interface DrawnTensor {
  readonly shape: readonly number[];
  /**
   * Draws the tensor's values.
   * @param step counted from 0
   */
  readonly draw: (random: Random, step: number) => Float32Array;
}

export function unrepeatable(): UnrollError {
  return new UnrollError(
    'the model draws random numbers that a compiled step cannot repeat; use tf.dropout, tf.randomUniform or tf.randomNormal, or pass them as an input',
  );
}

/** Draws values of a distribution, scaled by `scale` and shifted by `offset`. */
type Distribution = (shape: number[], offset: number, scale: number, seed: number) => tf.Tensor;

const uniform: Distribution = (shape, offset, scale, seed) =>
  tf.randomUniform(shape, offset, offset + scale, 'float32', seed);
const normal: Distribution = (shape, offset, scale, seed) => tf.randomNormal(shape, offset, scale, 'float32', seed);
const truncatedNormal: Distribution = (shape, offset, scale, seed) =>
  tf.truncatedNormal(shape, offset, scale, 'float32', seed);

/** A seed whose first normal number is further than two deviations from the mean, so truncation drops it. */
export const telltaleSeed = 0.022;

/**
 * Recognises the distribution of drawn values.
 * @param values drawn from {@link telltaleSeed}
 * @throws UnrollError if they are not from a distribution known here
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

/** Returns the offset and scale that turn the standard values into `values`; undefined if there are none. */
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
