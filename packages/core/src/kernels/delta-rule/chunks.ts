/**
 * Sequences cut into chunks for the generalized delta rule, and the products of a chunk's steps with each other.
 *
 * A product of step t with an earlier step s contains all decays between them, w_(s+1)·…·w_t. Dividing cumulative
 * products would overflow under strong decay. So a chunk is halved again and again: for t in the second half and s in
 * the first, the decay is split at the border between the halves. Each factor is the exponential of a sum of logarithms
 * that are not positive; none exceeds one.
 */
import * as tf from '@tensorflow/tfjs-core';

/** Tensors of all chunks, each [chunks·lanes, chunk, size]. */
export interface ChunkedSteps {
  readonly query: tf.Tensor;
  readonly key: tf.Tensor;
  readonly value: tf.Tensor;
  readonly logDecay: tf.Tensor;
  readonly a: tf.Tensor;
  readonly b: tf.Tensor;
}

/**
 * Cuts a sequence into chunks.
 * @param sequence [time, lanes, size]; zeros are appended until its length divides
 * @returns [chunks·lanes, chunk, size]
 */
export function intoChunks(sequence: tf.Tensor, chunk: number): tf.Tensor {
  const [time = 0, lanes = 0, size = 0] = sequence.shape;
  const missing = (chunk - (time % chunk)) % chunk;
  const padding = [
    [0, missing],
    [0, 0],
    [0, 0],
  ] as [number, number][];
  const whole = missing === 0 ? sequence : tf.pad(sequence, padding);
  const parts = tf.reshape(whole, [(time + missing) / chunk, chunk, lanes, size]);
  return tf.reshape(tf.transpose(parts, [0, 2, 1, 3]), [-1, chunk, size]);
}

/** The inverse of {@link intoChunks}: [time, lanes, size], without the appended steps. */
export function fromChunks(chunks: tf.Tensor, time: number, lanes: number): tf.Tensor {
  const [rows = 0, chunk = 0, size = 0] = chunks.shape;
  const parts = tf.transpose(tf.reshape(chunks, [rows / lanes, lanes, chunk, size]), [0, 2, 1, 3]);
  const whole = tf.reshape(parts, [-1, lanes, size]);
  return whole.shape[0] === time ? whole : tf.slice(whole, [0, 0, 0], [time, lanes, size]);
}

/** Sums of a block's rows, as products with constant matrices. */
export interface Sums {
  /** At row t, the rows up to and including t. */
  readonly upTo: tf.Tensor;
  /** At row t, the rows before t. */
  readonly before: tf.Tensor;
  /** At row s, the rows after s. */
  readonly after: tf.Tensor;
}

/** The matrices [1, length, length] that sum a block's rows when multiplied from the left. */
export function sums(length: number): Sums {
  const matrix = (summed: (row: number, column: number) => boolean) =>
    tf.tensor3d([
      Array.from({ length }, (_, row) => Array.from({ length }, (_, column) => Number(summed(row, column)))),
    ]);
  return {
    upTo: matrix((row, column) => column <= row),
    before: matrix((row, column) => column < row),
    after: matrix((row, column) => column > row),
  };
}

/** The two halves of each block of `2·half` rows: [blocks, half, size] each. */
export function halves(steps: tf.Tensor, half: number): [first: tf.Tensor, second: tf.Tensor] {
  return tf.split(tf.reshape(steps, [-1, 2 * half, steps.shape[2]!]), 2, 1) as [tf.Tensor, tf.Tensor];
}

/** The factors of a block's products, decayed to the border between its halves. */
export interface BorderFactors {
  /** exp of the decays from the border up to and including each later step, and before it, [blocks, half, key]. */
  readonly decayUpTo: tf.Tensor;
  readonly decayBefore: tf.Tensor;
  /** exp of the decays from each earlier step to the border, [blocks, half, key]. */
  readonly decayAfter: tf.Tensor;
  /** a and q of later steps, one below the other, [blocks, 2·half, key]. */
  readonly later: tf.Tensor;
  /** b and k of earlier steps, one below the other, [blocks, 2·half, key]. */
  readonly earlier: tf.Tensor;
}

export function borderFactors({ query, key, logDecay, a, b }: ChunkedSteps, half: number): BorderFactors {
  const { upTo, before, after } = sums(half);
  const [firstDecay, secondDecay] = halves(logDecay, half);
  const decayUpTo = tf.exp(tf.matMul(upTo, secondDecay));
  const decayBefore = tf.exp(tf.matMul(before, secondDecay));
  const decayAfter = tf.exp(tf.matMul(after, firstDecay));
  return {
    ...{ decayUpTo, decayBefore, decayAfter },
    later: tf.concat([tf.mul(halves(a, half)[1], decayBefore), tf.mul(halves(query, half)[1], decayUpTo)], 1),
    earlier: tf.concat([tf.mul(halves(b, half)[0], decayAfter), tf.mul(halves(key, half)[0], decayAfter)], 1),
  };
}

/** Lower triangular matrices of each chunk, [chunks·lanes, chunk, chunk], and an inverse. */
export interface ChunkMatrices {
  /** (I − A)⁻¹, where A holds the products of a with earlier b. */
  readonly inverse: tf.Tensor;
  /** Products of a with earlier keys. */
  readonly aKey: tf.Tensor;
  /** Products of queries with b, of the same and of earlier steps. */
  readonly queryB: tf.Tensor;
  /** Products of queries with keys, of the same and of earlier steps. */
  readonly queryKey: tf.Tensor;
}

/**
 * Computes the matrices, in blocks of 1, 2, 4, … steps. The inverse of a block follows from those of its halves, which
 * is forward substitution and as stable.
 */
export function chunkMatrices(steps: ChunkedSteps): ChunkMatrices {
  const [groups = 0, chunk = 0] = steps.query.shape;
  const single = (values: tf.Tensor) => tf.reshape(values, [groups * chunk, 1, 1]);
  const queryB = single(tf.sum(tf.mul(steps.query, steps.b), 2));
  const queryKey = single(tf.sum(tf.mul(steps.query, steps.key), 2));
  let inverse: tf.Tensor = tf.onesLike(queryB);
  let products = tf.concat([tf.zerosLike(queryB), queryB, queryKey]); // one kind after the other, so that all merge at once
  for (let half = 1; half < chunk; half *= 2) {
    const { later, earlier } = borderFactors(steps, half);
    const [ofA, ofQuery] = tf.split(tf.matMul(later, earlier, false, true), 2, 1) as [tf.Tensor, tf.Tensor];
    const [aB, aKey] = tf.split(ofA, 2, 2) as [tf.Tensor, tf.Tensor];
    const [first, second] = alternating(inverse);
    inverse = lowerBlocks(first, tf.matMul(tf.matMul(second, aB), first), second);
    const [upper, lower] = alternating(products);
    products = lowerBlocks(upper, tf.concat([aKey, ...tf.split(ofQuery, 2, 2)]), lower);
  }
  const [aKey, ofB, ofKey] = tf.split(products, 3) as [tf.Tensor, tf.Tensor, tf.Tensor];
  return { inverse, aKey, queryB: ofB, queryKey: ofKey };
}

/** The matrices of first and of second halves, which stand in turn: [2·blocks, n, n] → twice [blocks, n, n]. */
function alternating(matrices: tf.Tensor): [tf.Tensor, tf.Tensor] {
  const [rows = 0, size = 0] = matrices.shape;
  const pairs = tf.split(tf.reshape(matrices, [rows / 2, 2, size, size]), 2, 1);
  return pairs.map((half) => tf.reshape(half, [rows / 2, size, size])) as [tf.Tensor, tf.Tensor];
}

/** [[first, 0], [below, second]] */
function lowerBlocks(first: tf.Tensor, below: tf.Tensor, second: tf.Tensor): tf.Tensor {
  const top = tf.concat([first, tf.zerosLike(first)], 2);
  return tf.concat([top, tf.concat([below, second], 2)], 1);
}
