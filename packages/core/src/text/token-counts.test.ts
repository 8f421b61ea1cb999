// Counts of tokens: exact as long as there is room, and never too high.

import { expect, test } from 'vitest';
import { seededRandom } from '../random/seeded-random.js';
import { TokenCounts } from './token-counts.js';
import { Vocabulary } from './vocabulary.js';

/** Ranks by Zipf's law among this many words. */
function zipf(words: number, tokens: number): string[] {
  const random = seededRandom(3);
  return Array.from({ length: tokens }, () => `w${Math.floor(words ** random())}`);
}

function countsOf(tokens: readonly string[], most?: number): TokenCounts {
  const counts = new TokenCounts(most);
  for (const token of tokens) counts.add(token);
  return counts;
}

const tokens = zipf(5_000, 40_000);
const exact = countsOf(tokens);

test('are exact if there is room for every token', () => {
  expect(exact.missing).toBe(0);
  expect(exact.size).toBe(new Set(tokens).size);
  for (const word of ['w1', 'w17', 'w4000']) {
    expect(exact.count(word)).toBe(tokens.filter((token) => token === word).length);
  }
});

test('are too low by no more than they say if the rarest were forgotten, and never too high', () => {
  const counts = countsOf(tokens, 1_000);
  expect(counts.size).toBeLessThanOrEqual(1_000);
  expect(counts.missing).toBeGreaterThan(0);
  for (const [token, count] of exact) {
    expect(counts.count(token)).toBeLessThanOrEqual(count);
    expect(counts.count(token) + counts.missing).toBeGreaterThanOrEqual(count);
  }
});

test('lead to the same vocabulary as exact counts, for frequent tokens', () => {
  const options = { reserved: ['<unk>'], maxSize: 20 };
  expect(Vocabulary.fromCounts(countsOf(tokens, 1_000), options).tokens).toEqual(
    Vocabulary.fromCounts(exact, options).tokens,
  );
});

test('are refused for a vocabulary that may lack a token, with the size that is certain', () => {
  const counts = countsOf(tokens, 1_000);
  const refused = () => Vocabulary.fromCounts(counts, { reserved: ['<unk>'] });
  expect(refused).toThrow(RangeError);
  const [, most] = /give at most (\d+)$/.exec(String(catchError(refused)))!;
  const vocabulary = Vocabulary.fromCounts(counts, { reserved: ['<unk>'], maxSize: Number(most) });
  expect(vocabulary.size).toBe(Number(most));
});

function catchError(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
