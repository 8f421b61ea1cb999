// Sampling against exact probabilities.

import { expect, test } from 'vitest';
import { seededRandom } from '../random/seeded-random.js';
import { logSoftmax } from './log-softmax.js';
import { sampleToken, tokenDistribution } from './sampling.js';

const PROBABILITIES = [0.1, 0.4, 0.05, 0.25, 0.2];
const LOGITS = Float32Array.from(PROBABILITIES, (probability) => Math.log(probability) + 3);

test('log-softmax is exact where exponentials overflow or vanish', () => {
  expect([...logSoftmax([1000, 1000])]).toEqual([-Math.LN2, -Math.LN2]);
  expect([...logSoftmax([-1000, -1000 + Math.log(3)])].map(Math.exp)).toEqual([
    expect.closeTo(0.25, 12),
    expect.closeTo(0.75, 12),
  ]);
  expect([...logSoftmax([0, Number.NEGATIVE_INFINITY])]).toEqual([0, Number.NEGATIVE_INFINITY]);
});

test('log-softmax refuses scores that do not form a distribution', () => {
  expect(() => logSoftmax([1, Number.NaN])).toThrow('logits[1] is NaN');
  expect(() => logSoftmax([Number.NEGATIVE_INFINITY])).toThrow('at least one finite score is needed');
  expect(() => logSoftmax([])).toThrow('the largest of 0 logits');
});

test('the distribution is the softmax of the scores', () => {
  const { ids, probabilities } = tokenDistribution(LOGITS, {});
  expect(ids).toEqual([0, 1, 2, 3, 4]);
  expect(probabilities).toEqual(PROBABILITIES.map((p) => expect.closeTo(p, 6)));
});

test('temperature raises probabilities to its inverse power', () => {
  const { ids, probabilities } = tokenDistribution(LOGITS, { temperature: 0.5 });
  const squares = PROBABILITIES.map((p) => p * p);
  const total = squares.reduce((a, b) => a + b);
  expect(probabilities).toEqual(ids.map((id) => expect.closeTo(squares[id]! / total, 6)));
});

test('temperature 0 is greedy, and of equals takes the smaller id', () => {
  expect(tokenDistribution(LOGITS, { temperature: 0 })).toEqual({ ids: [1], probabilities: [1] });
  expect(tokenDistribution([0, 2, 2], { temperature: 0 }).ids).toEqual([1]);
});

test('top-k keeps the k most probable tokens and renormalises them', () => {
  const { ids, probabilities } = tokenDistribution(LOGITS, { topK: 2 });
  expect(ids).toEqual([1, 3]);
  expect(probabilities).toEqual([expect.closeTo(0.4 / 0.65, 6), expect.closeTo(0.25 / 0.65, 6)]);
  expect(tokenDistribution(LOGITS, { topK: 100 }).ids).toHaveLength(5);
});

test.each([
  [0.01, [1]],
  [0.39, [1]],
  [0.41, [1, 3]],
  [0.64, [1, 3]],
  [0.66, [1, 3, 4]],
  [0.96, [1, 3, 4, 0, 2]],
])('top-p %d keeps the fewest tokens that reach it', (topP, expected) => {
  expect(tokenDistribution(LOGITS, { topP }).ids).toEqual(expected);
});

test('top-p finds its nucleus in a large vocabulary as a full sort would', () => {
  const random = seededRandom(2);
  const logits = Float64Array.from({ length: 1000 }, () => 6 * random());
  const probabilities = logSoftmax(logits).map(Math.exp);
  const sorted = Array.from(probabilities.keys()).sort((a, b) => probabilities[b]! - probabilities[a]!);
  let mass = 0;
  let size = 0;
  while (mass < 0.9) mass += probabilities[sorted[size++]!]!;
  expect(tokenDistribution(logits, { topP: 0.9 }).ids).toEqual(sorted.slice(0, size));
});

test('top-p measures what top-k has left', () => {
  expect(tokenDistribution(LOGITS, { topK: 2, topP: 0.6 }).ids).toEqual([1]);
});

test('tokens are drawn as often as their probabilities say', () => {
  const random = seededRandom(1);
  const draws = 40_000;
  const counts = new Array<number>(5).fill(0);
  for (let i = 0; i < draws; i++) counts[sampleToken(LOGITS, { random })]! += 1;
  const chiSquared = counts.reduce((sum, seen, id) => {
    const expected = draws * PROBABILITIES[id]!;
    return sum + (seen - expected) ** 2 / expected;
  }, 0);
  // The 99.9 % quantile of chi-squared with 4 degrees of freedom.
  expect(chiSquared).toBeLessThan(18.5);
});

test('a token whose score is minus infinity is never drawn', () => {
  const random = () => 1 - 2 ** -32;
  expect(sampleToken([0, Number.NEGATIVE_INFINITY], { random })).toBe(0);
});

test.each([
  [{ temperature: -1 }, 'temperature -1: must be a number of at least 0'],
  [{ temperature: Number.NaN }, 'temperature NaN'],
  [{ topK: 0 }, 'topK 0: must be an integer of at least 1'],
  [{ topK: 2.5 }, 'topK 2.5'],
  [{ topP: 0 }, 'topP 0: must be above 0 and at most 1'],
  [{ topP: 1.1 }, 'topP 1.1'],
])('%o is refused', (options, message) => {
  expect(() => sampleToken(LOGITS, { ...options, random: seededRandom(1) })).toThrow(
    new RegExp(message.replaceAll('.', '\\.')),
  );
});
