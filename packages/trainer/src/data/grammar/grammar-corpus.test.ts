// The stated entropy of the embedded corpus is the entropy of its text.

import { seededRandom } from '@unroll/core/decoding';
import { describe, expect, test } from 'vitest';
import { ENGLISH } from './english.js';
import { grammarEntropy } from './entropy.js';
import { defineGrammar } from './grammar.js';
import { GRAMMAR_ENTROPY, grammarCorpus, grammarLogProbability, grammarPerplexity } from './grammar-corpus.js';
import { parseSentence } from './parsing.js';
import { drawSentence } from './sentences.js';

describe('the entropy of a grammar', () => {
  test('of a fair coin is one bit a sentence of two tokens', () => {
    const coin = defineGrammar('S', {}, { S: { heads: 1, tails: 1 } });
    const entropy = grammarEntropy(coin);
    expect(entropy.natsPerSentence).toBeCloseTo(Math.LN2, 12);
    expect(entropy.tokensPerSentence).toBe(2);
    expect(entropy.bitsPerToken).toBeCloseTo(0.5, 12);
  });

  test('of a recursive symbol is that of the geometric distribution', () => {
    const p = 0.25;
    const repeat = defineGrammar('S', {}, { S: { a: 1 - p, 'a S': p } });
    const entropy = grammarEntropy(repeat);
    const geometric = -(p * Math.log(p) + (1 - p) * Math.log(1 - p)) / (1 - p);
    expect(entropy.natsPerSentence).toBeCloseTo(geometric, 12);
    expect(entropy.tokensPerSentence).toBeCloseTo(1 / (1 - p) + 1, 12);
  });
});

describe('the parser', () => {
  const ambiguous = defineGrammar(
    'S',
    {},
    { S: { 'A B': 3, 'C D': 1 }, A: { x: 1 }, B: { y: 1 }, C: { x: 1 }, D: { y: 1 } },
  );

  test('adds the probabilities of all derivations and counts them', () => {
    expect(parseSentence(ambiguous, ['x', 'y'])).toEqual({ probability: 1, derivations: 2 });
  });

  test('gives probability 0 to text that is not a sentence', () => {
    expect(parseSentence(ambiguous, ['x'])).toEqual({ probability: 0, derivations: 0 });
    expect(grammarLogProbability(['dogs', 'the'])).toBe(Number.NEGATIVE_INFINITY);
    expect(grammarLogProbability('the dogs near the house sleeps .'.split(' '))).toBe(Number.NEGATIVE_INFINITY);
    expect(grammarLogProbability('anna says that the dog sees him .'.split(' '))).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe('the embedded corpus', () => {
  const sentences = (() => {
    const random = seededRandom(11);
    return Array.from({ length: 5000 }, () => drawSentence(ENGLISH, random));
  })();

  test('gives every sentence exactly one derivation', () => {
    const ambiguous = sentences.filter((words) => parseSentence(ENGLISH, words).derivations !== 1);
    expect(ambiguous).toEqual([]);
  });

  test('has the entropy and the length that the equations say, within the error of a sample', () => {
    const surprise = mean(sentences.map((words) => -grammarLogProbability(words)));
    const length = mean(sentences.map((words) => words.length + 1));
    expect(Math.abs(surprise.mean - GRAMMAR_ENTROPY.natsPerSentence)).toBeLessThan(4 * surprise.standardError);
    expect(Math.abs(length.mean - GRAMMAR_ENTROPY.tokensPerSentence)).toBeLessThan(4 * length.standardError);
  });

  test('holds the sentences whose agreement the broken ones above violate', () => {
    expect(grammarLogProbability('the dogs near the house sleep .'.split(' '))).toBeGreaterThan(-30);
    expect(grammarLogProbability('anna says that the dog sees her .'.split(' '))).toBeGreaterThan(-30);
  });

  test('is small enough to learn in minutes and hard enough to be worth it', () => {
    expect(GRAMMAR_ENTROPY.perplexity).toBeGreaterThan(4);
    expect(GRAMMAR_ENTROPY.perplexity).toBeLessThan(8);
    const words = new Set(sentences.flat());
    expect(words.size).toBeGreaterThan(60);
    expect(words.size).toBeLessThan(200);
  });

  test('is the same for the same seed, and of the asked size', () => {
    const options = { seed: 3, trainTokens: 2000, heldOutTokens: 500 };
    const corpus = grammarCorpus(options);
    expect(grammarCorpus(options)).toEqual(corpus);
    expect(grammarCorpus({ ...options, seed: 4 }).train).not.toBe(corpus.train);
    const tokens = corpus.train.match(/\S+|\n/g)?.length;
    expect(tokens).toBeGreaterThanOrEqual(2000);
    expect(tokens).toBeLessThan(2060);
    expect(corpus.valid).not.toBe(corpus.test);
  });

  test("a sample's own floor lies near the source's", () => {
    const { valid } = grammarCorpus({ seed: 3, trainTokens: 10, heldOutTokens: 20_000 });
    expect(grammarPerplexity(valid) / GRAMMAR_ENTROPY.perplexity).toBeCloseTo(1, 1);
  });
});

function mean(values: readonly number[]): { mean: number; standardError: number } {
  const average = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - average) ** 2, 0) / (values.length - 1);
  return { mean: average, standardError: Math.sqrt(variance / values.length) };
}
