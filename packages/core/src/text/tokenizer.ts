// The interface of all tokenizers. The kinds are in word-tokenizer.ts, char-tokenizer.ts, bpe-tokenizer.ts and
// world-tokenizer.ts;
// training.ts learns one from text and loading.ts reads one from a file.

import type { AddedToken } from './added-tokens.js';
import type { Span } from './spans.js';

/** Converts text to ids and back. */
export interface Tokenizer {
  /** The kind of token: a word between white space, a Unicode code point, or a piece of the text's bytes. */
  readonly kind: 'word' | 'char' | 'bpe';
  /** The number of ids; every id is in `[0, vocabSize)`. */
  readonly vocabSize: number;
  /**
   * The id that ends a sentence or line. Word tokenizers call the token
   * `<eos>`; for the other kinds it is the line break itself, `"\n"`.
   */
  readonly eosId: number;
  /**
   * The id from which evaluation and generation start: `eosId`. Undefined for a model without a start token, which reads
   * the first token of a text and does not predict it.
   */
  readonly startId: number | undefined;
  /** The id `<unk>` of text that the vocabulary lacks; undefined if nothing can be unknown. */
  readonly unkId: number | undefined;
  /** Converts `text` to ids. Every line break becomes `eosId`; none is added at the end. */
  encode(text: string): number[];
  /**
   * Finds the part of `text` that each id of `encode(text)` stands for. White space between words belongs to none of
   * them; a token that ends within a character gets the whole character.
   */
  spans(text: string): Span[];
  /** Converts `ids` to text as a person would write it: `eosId` becomes a line break. */
  decode(ids: readonly number[]): string;
  /**
   * The token with this id, as written in the vocabulary.
   * @throws RangeError for an id outside `[0, vocabSize)`
   */
  token(id: number): string;
  /** The id of exactly this token; undefined if the vocabulary lacks it. */
  id(token: string): number | undefined;
  /** The contents of `tokenizer.json`, in the layout of Hugging Face's tokenizers. */
  toJSON(): TokenizerJson;
}

/** Progress of a tokenizer's training. */
export interface TokenizerProgress {
  /** `counting` counts tokens, or the words within which bytes are merged; `merging` merges pairs of tokens. */
  readonly stage: 'counting' | 'merging';
  /** Characters of text counted, or merges made. */
  readonly done: number;
  /** The most merges to make; unknown while counting, because the length of the text is not known. */
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
