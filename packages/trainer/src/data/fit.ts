/**
 * Checks whether a tokenizer fits a text: how much of the text its vocabulary lacks, and whether spaces separate words
 * at all.
 */

import { type Tokenizer, UNSPACED_CHARACTER } from '@unroll/core/text';
import { counted } from '@unroll/param-server/config';
import { option } from '../configuration/option-names.js';
import type { Corpus } from './corpus.js';

/** Number of characters of a text that are examined. */
const sampleSize = 2 ** 18;

/** The user is told of a larger share of unknown tokens. */
const mostUnknown = 0.03;

/** If "words" in a script without spaces are longer than this on average, they are clauses, not words. In characters. */
const longestUnspacedWord = 4;

/** Counts from the beginning of a text. */
export interface Fit {
  /** Number of tokens without the ends of lines. */
  readonly tokens: number;
  /** Number of tokens that the vocabulary lacks, not counting a written `<unk>`. */
  readonly unknown: number;
  /** Number of times `<eos>` is written in the text. */
  readonly writtenEnds: number;
  /** Whether spaces separate whole clauses, as in Chinese, Japanese or Thai. */
  readonly hasNoSpaces: boolean;
}

export function fitOf(tokenizer: Tokenizer, texts: Iterable<string>): Fit {
  let [read, tokens, unknown, writtenEnds, unspaced, unspacedWords] = [0, 0, 0, 0, 0, 0];
  for (const whole of texts) {
    const text = whole.slice(0, sampleSize - read);
    const spans = tokenizer.spans(text);
    for (const [k, id] of tokenizer.encode(text).entries()) {
      if (id === tokenizer.eosId) continue;
      const token = text.slice(...spans[k]!);
      tokens++;
      if (id === tokenizer.unkId && token !== '<unk>') unknown++;
      if (tokenizer.kind !== 'word') continue;
      if (token.includes('<eos>')) writtenEnds++;
      const characters = Array.from(token).filter((character) => UNSPACED_CHARACTER.test(character)).length;
      unspaced += characters;
      if (characters > 0) unspacedWords++;
    }
    read += text.length;
    if (read >= sampleSize) break;
  }
  const hasNoSpaces = unspacedWords > tokens / 2 && unspaced > longestUnspacedWord * unspacedWords;
  return { tokens, unknown, writtenEnds, hasNoSpaces };
}

/**
 * Returns a line for each thing that a user should know before training a model on this text.
 * @param what the name of the text in these lines
 */
export function misfits({ kind }: Pick<Tokenizer, 'kind'>, what: string, fit: Fit): string[] {
  const { tokens, unknown, writtenEnds, hasNoSpaces } = fit;
  const share = tokens === 0 ? 0 : unknown / tokens;
  const tokensTold = kind === 'char' ? 'characters' : 'words';
  const unknownTold = `${(100 * share).toFixed(1)} % of its ${tokensTold} are not in the vocabulary and all count as <unk>`;
  const lines: string[] = [];
  if (hasNoSpaces) {
    const lost = share > mostUnknown ? `, and ${unknownTold}` : '';
    lines.push(
      `${what} has no spaces between words: each clause is a word${lost}; use ${option('tokenizer')} char or bpe`,
    );
  } else if (share > mostUnknown) {
    const others = kind === 'char' ? 'bpe' : 'char or bpe';
    lines.push(
      `${what}: ${unknownTold}; give a larger ${option('vocabulary')}, or use ${option('tokenizer')} ${others}`,
    );
  }
  if (writtenEnds > 0) {
    lines.push(
      `${what} has <eos> written in it, ${writtenEnds} times: an unknown word, as only the end of a line ends one`,
    );
  }
  return lines;
}

/** Returns lines for the user about a corpus that does not fit its tokenizer. */
export function misfitsOf(tokenizer: Tokenizer, corpus: Corpus): string[] {
  // The vocabulary was not made from the validation text, so that text shows what it lacks.
  const training = { ...fitOf(tokenizer, corpus.train.texts()), unknown: 0, hasNoSpaces: false };
  const validation = fitOf(tokenizer, corpus.valid.texts());
  return [
    ...misfits(tokenizer, 'the validation text', validation),
    ...misfits(tokenizer, 'the training text', training),
  ];
}

/** Returns a warning if the vocabulary lacks tokens of this text, otherwise undefined. */
export function unknownTokens(tokenizer: Tokenizer, what: string, text: string): string | undefined {
  const spans = tokenizer.spans(text);
  const ids = tokenizer.encode(text);
  const unknown = ids.flatMap((id, k) => (id === tokenizer.unkId ? [text.slice(...spans[k]!)] : []));
  const written = unknown.filter((token) => token !== '<unk>');
  if (written.length === 0) return undefined;
  const shown = [...new Set(written)].slice(0, 3).map((token) => JSON.stringify(token));
  const more = new Set(written).size > shown.length ? ', …' : '';
  return `${what}: ${written.length} of ${counted(ids.length, 'token')} are not in the vocabulary and count as <unk> (${shown.join(', ')}${more})`;
}
