// The embedded corpus: sentences of english.ts, and the perplexity that no model of them can beat.

import { type Random, seededRandom } from '@unroll/core/decoding';
import { ENGLISH } from './english.js';
import { grammarEntropy } from './entropy.js';
import { parseSentence } from './parsing.js';
import { drawSentence } from './sentences.js';

export interface GrammarCorpusOptions {
  /** The same seed gives the same text everywhere. */
  readonly seed: number;
  /** At least this many training tokens, `<eos>` included; ends with the sentence that reaches it. */
  readonly trainTokens: number;
  /** The same for each of the validation and test parts. */
  readonly heldOutTokens: number;
}

/** The embedded corpus that `grammar` names: the parts are drawn from one stream of random numbers, one after another. */
export const GRAMMAR_CORPUS_DEFAULTS: GrammarCorpusOptions = { seed: 1, trainTokens: 400_000, heldOutTokens: 30_000 };

/** Text in the layout of the Penn Treebank files: a sentence a line, words between spaces. */
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

/** The exact entropy of the corpus's source: the floor that a model's perplexity tends to on more and more text. */
export const GRAMMAR_ENTROPY = grammarEntropy(ENGLISH);

/**
 * The natural logarithm of the sentence's probability under the grammar, the sentence being its words without `<eos>`;
 * −∞ if it is none of the grammar's.
 */
export function grammarLogProbability(words: readonly string[]): number {
  return Math.log(parseSentence(ENGLISH, words).probability);
}

/**
 * The perplexity of the grammar itself on `text`, `<eos>` counted at every line's end: the floor for this very sample, which
 * its chance fluctuations do not blur.
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
