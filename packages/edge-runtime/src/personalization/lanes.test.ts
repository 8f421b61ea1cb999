// Distribution of texts over the lanes of a training step.
import { expect, test } from 'vitest';
import { isOwn, readWindow } from './lanes.js';

const own = [0, 1, 2, 3, 4, 5];
const general = [10, 11, 12, 13];
const shape = { time: 2, batch: 4 };

test('half of the lanes read the owner’s text and half the general one, each starting at its share', () => {
  expect([...readWindow(own, general, shape, 0).ids]).toEqual([0, 3, 10, 12, 1, 4, 11, 13]);
});

test('targets are the next tokens', () => {
  expect([...readWindow(own, general, shape, 0).targets]).toEqual([1, 4, 11, 13, 2, 5, 12, 10]);
});

test('the next window continues where the last one ended, and wraps around at the end of a text', () => {
  expect([...readWindow(own, general, shape, 1).ids]).toEqual([2, 5, 12, 10, 3, 0, 13, 11]);
});

test('the elements in the first half of each row belong to the owner’s text', () => {
  const ids = readWindow(own, general, shape, 0).ids;
  expect([...ids].filter((_, element) => isOwn(element, shape))).toEqual([0, 3, 1, 4]);
});
