import { expect, test } from 'vitest';
import { epochBatches, paddedLength, sortedBatches, timeMajor } from './length-buckets.js';

const lengths = Array.from({ length: 137 }, (_, k) => 1 + ((k * 7) % 30));
const settings = { batchSize: 10, seed: 3 };

test('an epoch holds every example once, in batches of the size asked for but one', () => {
  const batches = epochBatches(lengths, { ...settings, epoch: 0 });
  expect(batches.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, k) => k));
  expect(batches.map(({ length }) => length).sort((a, b) => a - b)).toEqual([7, ...new Array<number>(13).fill(10)]);
});

test('an epoch is the same whenever it is asked for, and unlike the next', () => {
  const first = epochBatches(lengths, { ...settings, epoch: 0 });
  expect(epochBatches(lengths, { ...settings, epoch: 0 })).toEqual(first);
  expect(epochBatches(lengths, { ...settings, epoch: 1 })).not.toEqual(first);
});

test('the examples of a batch are about as long', () => {
  for (const batch of epochBatches(lengths, { ...settings, epoch: 0 })) {
    const own = batch.map((index) => lengths[index]!);
    expect(Math.max(...own) - Math.min(...own)).toBeLessThanOrEqual(4);
  }
});

test('held-out examples are sorted by length', () => {
  expect(sortedBatches([3, 1, 2], 2)).toEqual([[1, 2], [0]]);
});

test('lengths are padded to a multiple, and are never nothing', () => {
  expect([0, 1, 8, 9].map((length) => paddedLength(length, 8))).toEqual([8, 8, 8, 16]);
});

test('sequences stand side by side, filled up', () => {
  expect([...timeMajor([[1, 2, 3], [4]], { batch: 3, time: 3 }, 9)]).toEqual([1, 4, 9, 2, 9, 9, 3, 9, 9]);
});
