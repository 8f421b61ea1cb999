// Each token is one Unicode code point. The line break is an ordinary character of the vocabulary that also ends a
// line. `<unk>` written in a text is five characters, as in Mikolov et al.'s character-level Penn Treebank.

import { type AddedToken, sectionsOf } from './added-tokens.js';
import { characterSpans, type Span } from './spans.js';
import { TokenCounts } from './token-counts.js';
import type { Tokenizer, TokenizerJson, TokenizerProgress } from './tokenizer.js';
import { Vocabulary, type VocabularyOptions } from './vocabulary.js';
import { UNK, wordLevelModel } from './word-level.js';

/** The pre-tokenizer of a `tokenizer.json` that splits a text into characters. */
export const SINGLE_CHARACTERS = {
  type: 'Split',
  pattern: { Regex: '[\\s\\S]' },
  behavior: 'Isolated',
  invert: false,
} as const;

const LINE_BREAK = '\n';
/** Shown for an unknown character: Unicode's replacement character. */
const REPLACEMENT = '\uFFFD';

/** A tokenizer whose tokens are characters. */
export class CharTokenizer implements Tokenizer {
  readonly kind = 'char';
  readonly eosId: number;
  readonly unkId: number;
  readonly startId: number | undefined;
  readonly #vocabulary: Vocabulary;
  readonly #addedTokens: readonly AddedToken[];

  /**
   * Creates a tokenizer.
   *
   * @param addedTokens tokens that are cut out of the text wherever they occur
   * @param hasStart whether texts start from the line break
   * @throws Error if the vocabulary lacks `<unk>` or the line break, or has a token of several characters
   */
  constructor(vocabulary: Vocabulary, addedTokens: readonly AddedToken[] = [], hasStart = true) {
    const unkId = vocabulary.id(UNK);
    const eosId = vocabulary.id(LINE_BREAK);
    if (unkId === undefined || eosId === undefined) {
      throw new Error(
        unkId === undefined
          ? `character tokenizer: the vocabulary lacks ${UNK}; give the token for unknown characters that name`
          : 'character tokenizer: the vocabulary lacks the line break; add it',
      );
    }
    const whole = new Set([UNK, ...addedTokens.map(({ content }) => content)]);
    const long = vocabulary.tokens.find((token) => !whole.has(token) && [...token].length !== 1);
    if (long !== undefined) {
      throw new Error(`character tokenizer: token ${JSON.stringify(long)} is not one character; is it a word list?`);
    }
    this.#vocabulary = vocabulary;
    this.#addedTokens = addedTokens;
    this.unkId = unkId;
    this.eosId = eosId;
    this.startId = hasStart ? eosId : undefined;
  }

  /** Learns a tokenizer from the characters in `texts`; `<unk>` is id 0 and the line break id 1. */
  static *train(
    texts: Iterable<string>,
    options: Omit<VocabularyOptions, 'reserved'>,
  ): Generator<TokenizerProgress, CharTokenizer, undefined> {
    const counts = new TokenCounts();
    let done = 0;
    for (const text of texts) {
      for (const character of text) counts.add(character);
      done += text.length;
      yield { stage: 'counting', done };
    }
    return new CharTokenizer(Vocabulary.fromCounts(counts, { ...options, reserved: [UNK, LINE_BREAK] }));
  }

  get vocabSize(): number {
    return this.#vocabulary.size;
  }

  encode(text: string): number[] {
    const ids: number[] = [];
    for (const { span, id } of sectionsOf(text, this.#addedTokens)) {
      if (id !== undefined) ids.push(id);
      else for (const character of text.slice(...span)) ids.push(this.#vocabulary.id(character) ?? this.unkId);
    }
    return ids;
  }

  spans(text: string): Span[] {
    return sectionsOf(text, this.#addedTokens).flatMap(({ span, id }) =>
      id === undefined ? characterSpans(text.slice(...span), span[0]) : [span],
    );
  }

  decode(ids: readonly number[]): string {
    return ids.map((id) => (id === this.unkId ? REPLACEMENT : this.token(id))).join('');
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
      normalizer: null,
      pre_tokenizer: SINGLE_CHARACTERS,
      post_processor: null,
      decoder: { type: 'Fuse' },
      model: { ...wordLevelModel(this.#vocabulary), ...(this.startId === undefined && { start_token: null }) },
    };
  }
}
