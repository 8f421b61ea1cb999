// The share of the learned change that is kept.
import { expect, test } from 'vitest';
import { changedParameters } from './parameters.js';
import { largestShare, withShare } from './restraint.js';

test('everything is kept if that forgets little', async () => {
  expect(await largestShare(async () => 1.01, 1.02)).toBe(1);
});

test('else the largest share within the limit, to 1/32', async () => {
  const share = await largestShare(async (share) => 1 + share ** 2, 1.25);
  expect(share).toBeLessThanOrEqual(0.5);
  expect(share).toBeGreaterThan(0.5 - 1 / 32);
});

test('and nothing if every share forgets too much', async () => {
  expect(await largestShare(async () => 2, 1.02)).toBe(0);
});

test('a share of adapters is that share of their product, and a share of a parameter is that share of its change', () => {
  const base = new Map([
    ['w', Float32Array.of(1, 2, 3, 4, 5, 6)], // [2, 3]
    ['bias', Float32Array.of(1, 1)],
  ]);
  const trained = new Map([
    ['w.down', Float32Array.of(2, 4)], // [2, 1]
    ['w.up', Float32Array.of(1, 0, 3)], // [1, 3]
    ['bias', Float32Array.of(3, -1)],
  ]);
  const whole = changedParameters(base, trained);
  expect(whole.get('w')).toEqual(Float32Array.of(3, 2, 9, 8, 5, 18));
  expect(whole.get('bias')).toEqual(Float32Array.of(3, -1));
  const half = changedParameters(base, withShare(trained, base, 0.5));
  expect(half.get('w')).toEqual(Float32Array.of(2, 2, 6, 6, 5, 12));
  expect(half.get('bias')).toEqual(Float32Array.of(2, 0));
});
