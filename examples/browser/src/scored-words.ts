/** The words of a text with their surprise, whatever the model's tokens are. Pure: the page shows what this computes. */
import type { Score } from '@unroll/edge-runtime';

export interface ScoredWord {
  /** The word; for a line break of which the model has a token, `⏎`. */
  readonly text: string;
  /** Sum over the word's tokens, so −log₂ of the word's probability. */
  readonly bits: number;
  /** Whether the model's vocabulary lacks it: then `bits` is for any such word. */
  readonly unknown: boolean;
  /** The white space that follows it. */
  readonly space: string;
}

/** Bits from which each level of the heat map starts. */
export const heatLevels = [0, 3, 6, 9, 12] as const;

/** The level of a surprise, an index into `heatLevels`. */
export function levelOf(bits: number): number {
  return heatLevels.findLastIndex((from, level) => level === 0 || bits >= from);
}

/**
 * The words of `text`, of which `score` tells the tokens. A token belongs to the word in which it ends; white space
 * alone, to the word before.
 */
export function scoredWords(
  text: string,
  { tokens, spans, surprises }: Pick<Score, 'tokens' | 'spans' | 'surprises'>,
): ScoredWord[] {
  const parts = [...text.matchAll(/(\S+|\n)([^\S\n]*)/g)];
  const words = parts.map(([, word, space]) =>
    word === '\n'
      ? { text: '⏎', bits: 0, unknown: false, space: '\n' }
      : { text: word!, bits: 0, unknown: false, space: space! },
  );
  let part = 0;
  for (const [index, [, end]] of spans.entries()) {
    while (part + 1 < parts.length && parts[part + 1]!.index < end) part++;
    const word = words[part];
    if (!word) break; // a text of white space has no words
    word.bits += surprises[index]!;
    word.unknown ||= tokens[index] === '<unk>';
  }
  return words;
}
