/**
 * Batches sequences of unequal lengths. An epoch's examples are drawn in random order and sorted by length within runs
 * of batches. Each batch is padded to one of a few lengths, so that few programs are compiled.
 */
import { randomOfEpoch, shuffled } from './epochs.js';

/** Rounds `length` up to a positive multiple of `multiple`. */
export function paddedLength(length: number, multiple: number): number {
  return Math.max(1, Math.ceil(length / multiple)) * multiple;
}

/** Number of batches that are sorted together. More of them pad less and mix less. */
const batchesSortedTogether = 50;

/**
 * Returns the batches of an epoch as indices of examples. Every example occurs once; some batches may be smaller.
 * @param lengths the length of each example
 */
export function epochBatches(
  lengths: readonly number[],
  { batchSize, seed, epoch }: { readonly batchSize: number; readonly seed: number; readonly epoch: number },
): number[][] {
  const random = randomOfEpoch(seed, epoch);
  const order = shuffled(
    lengths.map((_, index) => index),
    random,
  );
  const batches: number[][] = [];
  const pool = batchSize * batchesSortedTogether;
  for (let start = 0; start < order.length; start += pool) {
    const sorted = order.slice(start, start + pool).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
    for (let k = 0; k < sorted.length; k += batchSize) batches.push(sorted.slice(k, k + batchSize));
  }
  return shuffled(batches, random);
}

/** Returns the batches of held-out examples, sorted by length. */
export function sortedBatches(lengths: readonly number[], batchSize: number): number[][] {
  const order = lengths.map((_, index) => index).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  return Array.from({ length: Math.ceil(order.length / batchSize) }, (_, k) =>
    order.slice(k * batchSize, (k + 1) * batchSize),
  );
}

/** Lays out sequences side by side, [time, batch], padded with `filler`. Lanes without a sequence are all padding. */
export function timeMajor(
  sequences: readonly (readonly number[])[],
  { batch, time }: { readonly batch: number; readonly time: number },
  filler: number,
): Int32Array {
  const ids = new Int32Array(time * batch).fill(filler);
  sequences.forEach((sequence, lane) => {
    sequence.forEach((id, t) => {
      ids[t * batch + lane] = id;
    });
  });
  return ids;
}
