// Tokens are words between white space, in the layout of the Penn Treebank files: one sentence on each line, `<eos>`
// for the line end, rare words already written as `<unk>`. It neither lower-cases nor splits off punctuation.

import { type AddedToken, sectionsOf } from './added-tokens.js';
import type { Span } from './spans.js';
import { TokenCounts } from './token-counts.js';
import type { Tokenizer, TokenizerJson, TokenizerProgress } from './tokenizer.js';
import { Vocabulary, type VocabularyOptions } from './vocabulary.js';
import { UNK, wordLevelModel } from './word-level.js';

const EOS = '<eos>';

const LINE_ENDS = { type: 'Replace', pattern: { String: '\n' }, content: ` ${EOS} ` } as const;

/**
 * Replaces two characters that only some of Hugging Face's libraries treat as white space, and `<eos>` written as text.
 */
const WORDS_AND_LINE_ENDS = {
  type: 'Sequence',
  normalizers: [
    { type: 'Replace', pattern: { String: '\u0085' }, content: ' ' },
    { type: 'Replace', pattern: { String: '\uFEFF' }, content: ' ' },
    { type: 'Replace', pattern: { String: EOS }, content: UNK },
    LINE_ENDS,
  ],
} as const;

// Words are separated by Unicode white space and the byte order mark.
const WORDS = /[^\s\u0085]+/g;
const WORDS_AND_BREAKS = /[^\s\u0085]+|\n/g;

/** The normalizers that a word tokenizer can follow. */
export const WORD_NORMALIZERS: readonly unknown[] = [null, undefined, LINE_ENDS, WORDS_AND_LINE_ENDS];

/** Treatment of names of special tokens that occur in a text. */
export interface WordTokenizerOptions {
  /** Whether `<eos>` written in a text is an unknown word, so that only line breaks end lines. */
  readonly eosIsReserved?: boolean;
  /** Tokens that are cut out of the text wherever they occur. */
  readonly addedTokens?: readonly AddedToken[];
}

/** A tokenizer whose tokens are words. */
export class WordTokenizer implements Tokenizer {
  readonly kind = 'word';
  readonly eosId: number;
  readonly unkId: number;
  readonly #vocabulary: Vocabulary;
  readonly #eosIsReserved: boolean;
  readonly #addedTokens: readonly AddedToken[];

  /** @throws Error if the vocabulary lacks `<unk>` or `<eos>` */
  constructor(vocabulary: Vocabulary, { eosIsReserved = true, addedTokens = [] }: WordTokenizerOptions = {}) {
    const unkId = vocabulary.id(UNK);
    const eosId = vocabulary.id(EOS);
    if (unkId === undefined || eosId === undefined) {
      throw new Error(
        unkId === undefined
          ? `word tokenizer: the vocabulary lacks ${UNK}; give the token for unknown words that name`
          : `word tokenizer: the vocabulary lacks ${EOS}; give the token that ends a line that name`,
      );
    }
    this.#vocabulary = vocabulary;
    this.#eosIsReserved = eosIsReserved;
    this.#addedTokens = addedTokens;
    this.unkId = unkId;
    this.eosId = eosId;
  }

  /**
   * Learns a tokenizer from the words in `texts`; `<unk>` is id 0 and `<eos>` id 1. Every text consists of whole lines.
   */
  static *train(
    texts: Iterable<string>,
    options: Omit<VocabularyOptions, 'reserved'>,
  ): Generator<TokenizerProgress, WordTokenizer, undefined> {
    const counts = new TokenCounts();
    let done = 0;
    for (const text of texts) {
      for (const [word] of text.matchAll(WORDS)) if (!word.includes(EOS)) counts.add(word);
      done += text.length;
      yield { stage: 'counting', done };
    }
    return new WordTokenizer(Vocabulary.fromCounts(counts, { ...options, reserved: [UNK, EOS] }));
  }

  /** Creates the tokenizer that a `tokenizer.json` with one of `WORD_NORMALIZERS` describes. */
  static of(vocabulary: Vocabulary, normalizer: unknown, addedTokens: readonly AddedToken[]): WordTokenizer {
    const eosIsReserved = JSON.stringify(normalizer) === JSON.stringify(WORDS_AND_LINE_ENDS);
    return new WordTokenizer(vocabulary, { eosIsReserved, addedTokens });
  }

  get startId(): number {
    return this.eosId;
  }

  get vocabSize(): number {
    return this.#vocabulary.size;
  }

  encode(text: string): number[] {
    const ids: number[] = [];
    for (const { span, id } of sectionsOf(text, this.#addedTokens)) {
      if (id !== undefined) ids.push(id);
      else for (const word of text.slice(...span).match(WORDS_AND_BREAKS) ?? []) ids.push(this.#idOf(word));
    }
    return ids;
  }

  spans(text: string): Span[] {
    return sectionsOf(text, this.#addedTokens).flatMap(({ span, id }) =>
      id === undefined ? wordSpans(text.slice(...span), span[0]) : [span],
    );
  }

  decode(ids: readonly number[]): string {
    let text = '';
    let lineStart = true;
    for (const id of ids) {
      const ends = id === this.eosId;
      text += ends ? '\n' : `${lineStart ? '' : ' '}${this.token(id)}`;
      lineStart = ends;
    }
    return text;
  }

  token(id: number): string {
    return this.#vocabulary.token(id);
  }

  id(token: string): number | undefined {
    return this.#vocabulary.id(token);
  }

  toJSON(): TokenizerJson {
    return {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: this.#addedTokens,
      normalizer: this.#eosIsReserved ? WORDS_AND_LINE_ENDS : LINE_ENDS,
      pre_tokenizer: { type: 'WhitespaceSplit' },
      post_processor: null,
      decoder: null,
      model: wordLevelModel(this.#vocabulary),
    };
  }

  #idOf(word: string): number {
    if (word === '\n') return this.eosId;
    if (this.#eosIsReserved && word.includes(EOS)) return this.unkId;
    return this.#vocabulary.id(word) ?? this.unkId;
  }
}

function wordSpans(text: string, start: number): Span[] {
  return Array.from(text.matchAll(WORDS_AND_BREAKS), ({ 0: word, index }) => [
    start + index,
    start + index + word.length,
  ]);
}
