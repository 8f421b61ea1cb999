// What every tokenizer does, whatever it calls a token. The kinds are in word-tokenizer.ts, char-tokenizer.ts and
// bpe-tokenizer.ts; training.ts learns one from text and loading.ts reads one back.

import type { AddedToken } from './added-tokens.js';
import type { Span } from './spans.js';

/** Text to ids and back. */
export interface Tokenizer {
  /** What a token is: a word between white space, a Unicode code point, or a byte-level BPE piece. */
  readonly kind: 'word' | 'char' | 'bpe';
  /** The number of ids; every id is in `[0, vocabSize)`. */
  readonly vocabSize: number;
  /**
   * The id that ends a sentence or line; evaluation and generation start from it. Word tokenizers call the token
   * `<eos>`; for the other kinds it is the line break itself, `"\n"`.
   */
  readonly eosId: number;
  /** The id for what the vocabulary lacks, `<unk>`; undefined where nothing can be unknown. */
  readonly unkId: number | undefined;
  /** The ids of `text`. Every line break becomes `eosId`; none is added at the end. */
  encode(text: string): number[];
  /**
   * The part of `text` that each of `encode(text)` stands for. White space between words belongs to none of them; a token
   * that ends within a character has all of it.
   */
  spans(text: string): Span[];
  /** The text of `ids`, as a person would write it: `eosId` is a line break. */
  decode(ids: readonly number[]): string;
  /** The token with this id, as it stands in the vocabulary. Throws a RangeError for an id outside `[0, vocabSize)`. */
  token(id: number): string;
  /** The id of exactly this token; undefined if the vocabulary lacks it. */
  id(token: string): number | undefined;
  /** The contents of `tokenizer.json`, in the layout of Hugging Face's tokenizers. */
  toJSON(): TokenizerJson;
}

/** How far the learning of a tokenizer is. */
export interface TokenizerProgress {
  /** Tokens, or the words in which bytes are merged, are counted; pairs of tokens are merged. */
  readonly stage: 'counting' | 'merging';
  /** Characters of text, or merges. */
  readonly done: number;
  /** The most merges that there will be; the length of the text is not known here. */
  readonly total?: number;
}

/** The parts of Hugging Face's `tokenizer.json` that this project writes. */
export interface TokenizerJson {
  readonly version: '1.0';
  readonly truncation: null;
  readonly padding: null;
  readonly added_tokens: readonly AddedToken[];
  readonly normalizer: object | null;
  readonly pre_tokenizer: object | null;
  readonly post_processor: object | null;
  readonly decoder: object | null;
  readonly model: object;
}
