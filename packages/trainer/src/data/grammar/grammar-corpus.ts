// The embedded corpus: sentences of english.ts, and the lowest perplexity that a model of them can reach.

import { type Random, seededRandom } from '@unroll/core/decoding';
import { ENGLISH } from './english.js';
import { grammarEntropy } from './entropy.js';
import { parseSentence } from './parsing.js';
import { drawSentence } from './sentences.js';

export interface GrammarCorpusOptions {
  /** The same seed gives the same text everywhere. */
  readonly seed: number;
  /** Minimum number of training tokens, `<eos>` included; the text ends with the sentence that reaches it. */
  readonly trainTokens: number;
  /** Minimum number of tokens of the validation part, and of the test part. */
  readonly heldOutTokens: number;
}

/** The embedded corpus named `grammar`. Its parts are drawn from one stream of random numbers, one after another. */
export const GRAMMAR_CORPUS_DEFAULTS: GrammarCorpusOptions = { seed: 1, trainTokens: 400_000, heldOutTokens: 30_000 };

/** Text in the layout of the Penn Treebank files: one sentence per line, words separated by spaces. */
export interface GrammarCorpus {
  readonly train: string;
  readonly valid: string;
  readonly test: string;
}

/** Draws a corpus from the grammar of english.ts. */
export function grammarCorpus(options: GrammarCorpusOptions): GrammarCorpus {
  const random = seededRandom(options.seed);
  const train = drawText(options.trainTokens, random);
  const valid = drawText(options.heldOutTokens, random);
  const test = drawText(options.heldOutTokens, random);
  return { train, valid, test };
}

/** The exact entropy of the corpus's source: the floor that a model's perplexity approaches as its text grows. */
export const GRAMMAR_ENTROPY = grammarEntropy(ENGLISH);

/**
 * Returns the natural logarithm of a sentence's probability under the grammar; −∞ if the grammar does not generate it.
 * @param words the sentence without `<eos>`
 */
export function grammarLogProbability(words: readonly string[]): number {
  return Math.log(parseSentence(ENGLISH, words).probability);
}

/**
 * Returns the grammar's own perplexity on `text`, with one `<eos>` per line. It is the floor for this very sample,
 * including its chance fluctuations.
 */
export function grammarPerplexity(text: string): number {
  const sentences = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' '));
  const tokens = sentences.reduce((sum, words) => sum + words.length + 1, 0);
  const logProbability = sentences.reduce((sum, words) => sum + grammarLogProbability(words), 0);
  return Math.exp(-logProbability / tokens);
}

function drawText(tokens: number, random: Random): string {
  const lines: string[] = [];
  for (let drawn = 0; drawn < tokens; ) {
    const words = drawSentence(ENGLISH, random);
    drawn += words.length + 1;
    lines.push(`${words.join(' ')}\n`);
  }
  return lines.join('');
}
