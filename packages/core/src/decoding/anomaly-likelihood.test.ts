import { expect, test } from 'vitest';
import { anomalyScores } from './anomaly-likelihood.js';

const config = { longWindow: 20, shortWindow: 1 };
/** Errors of 1 or 3, with mean 2 and deviation 1. */
const usual = Array.from({ length: 20 }, (_, k) => 1 + 2 * (k % 2));

test.each([
  [2, 0.5],
  [3, 0.15865525],
  [4, 0.02275013],
  [7, 2.866516e-7],
])('after errors of mean 2 and deviation 1, an error of %d scores −log₁₀ of the normal tail, %d', (error, tail) => {
  expect(anomalyScores([...usual, error], config, 0.01).at(-1)).toBeCloseTo(-Math.log10(tail), 2);
});

test('an error far from all others has a finite score', () => {
  const score = anomalyScores([...usual, 1e4], config, 0.01).at(-1)!;
  expect(score).toBeGreaterThan(1e6);
  expect(Number.isFinite(score)).toBe(true);
});

test('an error below the usual mean is not unusual', () => {
  expect(anomalyScores([...usual, 0], config, 0.01).at(-1)).toBeCloseTo(Math.log10(2), 4);
});

test('nothing is scored before ten errors are known, nor where there was no prediction', () => {
  const scores = anomalyScores([Number.NaN, ...usual.slice(0, 10), 100, Number.NaN], config, 0.01);
  expect(scores.slice(0, 11)).toEqual(Array(11).fill(0));
  expect(scores[11]).toBeGreaterThan(10);
  expect(scores[12]).toBe(0);
});

test('errors that never vary are not divided by a deviation of zero', () => {
  const constant = Array<number>(15).fill(0.5);
  expect(anomalyScores([...constant, 0.6], config, 0.1).at(-1)).toBeCloseTo(-Math.log10(0.15865525), 4);
});

test('the latest errors are averaged over the short window', () => {
  const scores = anomalyScores([...usual, 2, 4], { longWindow: 20, shortWindow: 2 }, 0.01);
  expect(scores.at(-1)).toBeCloseTo(-Math.log10(0.15865525), 4);
});
