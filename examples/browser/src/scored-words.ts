/** Computes the words of a text with their surprise, for any kind of tokens. Pure: the page shows the result. */
import type { Score } from '@unroll/edge-runtime';
import { unitsOf } from './units.js';

export interface ScoredWord {
  /** The word, or `⏎` for a line break if the model has a token for it. */
  readonly text: string;
  /** The sum over the word's tokens, which is −log₂ of the word's probability. */
  readonly bits: number;
  /** Whether the model's vocabulary lacks it; then `bits` is the surprise of any unknown word. */
  readonly unknown: boolean;
  /** The white space after it. */
  readonly space: string;
}

/** Bits from which each level of the heat map starts. */
export const heatLevels = [0, 3, 6, 9, 12] as const;

/** The level of a surprise, an index into `heatLevels`. */
export function levelOf(bits: number): number {
  return heatLevels.findLastIndex((from, level) => level === 0 || bits >= from);
}

/**
 * Splits `text`, whose tokens are in `score`, into words; no word ends within a token. A token belongs to the word in
 * which it ends; white space alone belongs to the word before.
 */
export function scoredWords(
  text: string,
  { tokens, spans, surprises }: Pick<Score, 'tokens' | 'spans' | 'surprises'>,
): ScoredWord[] {
  const ends = new Set(spans.map(([, end]) => end));
  const units = unitsOf(text, (end) => ends.has(end));
  const words = units.map(({ text, space }) => ({ text, bits: 0, unknown: false, space }));
  let place = 0;
  for (const [index, [, end]] of spans.entries()) {
    while (place + 1 < units.length && units[place + 1]!.start < end) place++;
    const word = words[place];
    if (!word) break; // a text of white space has no words
    word.bits += surprises[index]!;
    word.unknown ||= tokens[index] === '<unk>';
  }
  return words;
}
