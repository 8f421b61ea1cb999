import { expect, test } from 'vitest';
import { batchesByStep, randomOfEpoch, shuffled } from './epochs.js';

test('a step finds its batch in its epoch, whose batches are made once while it lasts', () => {
  const made: number[] = [];
  const batchAt = batchesByStep(3, (epoch) => {
    made.push(epoch);
    return ['a', 'b', 'c'].map((name) => `${name}${epoch}`);
  });
  expect([0, 1, 2, 3, 5, 4, 2].map(batchAt)).toEqual(['a0', 'b0', 'c0', 'a1', 'c1', 'b1', 'c0']);
  expect(made).toEqual([0, 1, 0]);
});

test('the order of an epoch is the same whenever it is asked for, and unlike the next', () => {
  const order = (epoch: number) => shuffled([...Array(50).keys()], randomOfEpoch(1, epoch));
  expect(order(1)).toEqual(order(1));
  expect(order(1)).not.toEqual(order(2));
  expect(order(1).toSorted((a, b) => a - b)).toEqual([...Array(50).keys()]);
});
