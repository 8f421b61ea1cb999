// The entry to the three kinds of tokenizer: learns the vocabulary (and, for `bpe`, the merges) from text.

import { BpeTokenizer } from './bpe-tokenizer.js';
import { trainBpe } from './bpe-training.js';
import { CharTokenizer } from './char-tokenizer.js';
import type { Tokenizer, TokenizerProgress } from './tokenizer.js';
import type { VocabularyOptions } from './vocabulary.js';
import { WordTokenizer } from './word-tokenizer.js';

/** Default vocabulary size of a `bpe` tokenizer. */
const DEFAULT_BPE_SIZE = 8192;

export interface TokenizerTrainingOptions {
  /** The most tokens, including special ones. Default: no limit for `word` and `char`, 8192 for `bpe`. */
  readonly vocabSize?: number | undefined;
  /** Words, characters or byte pairs that occur less often are left out. Default 1 (2 for byte pairs). */
  readonly minCount?: number | undefined;
  /**
   * Order of ids: by falling frequency (the default) or by first appearance. `bpe` has its own order and ignores this.
   */
  readonly order?: VocabularyOptions['order'];
}

/**
 * Learns a tokenizer from `text`: one string, or pieces that each end at a line's end or before white space. In pieces,
 * a corpus may be longer than the longest possible string.
 *
 * @throws RangeError for a vocabulary size that cannot hold the special tokens, or a minimum count below 1
 * @example
 * const tokenizer = trainTokenizer('word', 'the cat sleeps\nthe dog barks\n', { vocabSize: 10_000 });
 */
export function trainTokenizer(
  kind: Tokenizer['kind'],
  text: string | Iterable<string>,
  options: TokenizerTrainingOptions = {},
): Tokenizer {
  const training = tokenizerTraining(kind, text, options);
  for (;;) {
    const { done, value } = training.next();
    if (done) return value;
  }
}

/** {@link trainTokenizer} step by step, for callers that show progress or may stop in between. */
export function* tokenizerTraining(
  kind: Tokenizer['kind'],
  text: string | Iterable<string>,
  options: TokenizerTrainingOptions = {},
): Generator<TokenizerProgress, Tokenizer, undefined> {
  const texts = typeof text === 'string' ? [text] : text;
  const { vocabSize, minCount, order } = options;
  switch (kind) {
    case 'word':
      return yield* WordTokenizer.train(texts, { maxSize: vocabSize, minCount, order });
    case 'char':
      return yield* CharTokenizer.train(texts, { maxSize: vocabSize, minCount, order });
    case 'bpe':
      return new BpeTokenizer(
        yield* trainBpe(texts, { vocabSize: vocabSize ?? DEFAULT_BPE_SIZE, minCount: minCount ?? 2 }),
      );
    default:
      kind satisfies never;
      throw new RangeError(`tokenizer kind ${JSON.stringify(kind)}: choose word, char or bpe`);
  }
}
