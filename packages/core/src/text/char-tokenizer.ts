// One token a Unicode code point. The line break is an ordinary character of the vocabulary and doubles as the end of a
// line. `<unk>` written in a text is five characters, as in Mikolov et al.'s character-level Penn Treebank.

import { TokenCounts } from './token-counts.js';
import type { Tokenizer, TokenizerJson } from './tokenizer.js';
import { Vocabulary, type VocabularyOptions } from './vocabulary.js';

const UNK = '<unk>';
const LINE_BREAK = '\n';
/** How an unknown character is shown: Unicode's replacement character. */
const REPLACEMENT = '\uFFFD';

/** A tokenizer whose tokens are characters. */
export class CharTokenizer implements Tokenizer {
  readonly kind = 'char';
  readonly eosId: number;
  readonly unkId: number;
  readonly #vocabulary: Vocabulary;

  /** Throws an Error if the vocabulary lacks `<unk>` or the line break, or has a token of several characters. */
  constructor(vocabulary: Vocabulary) {
    const unkId = vocabulary.id(UNK);
    const eosId = vocabulary.id(LINE_BREAK);
    if (unkId === undefined || eosId === undefined) {
      const missing = unkId === undefined ? UNK : 'the line break';
      throw new Error(`character tokenizer: the vocabulary lacks ${missing}; add it`);
    }
    const long = vocabulary.tokens.find((token) => token !== UNK && [...token].length !== 1);
    if (long !== undefined) {
      throw new Error(`character tokenizer: token ${JSON.stringify(long)} is not one character; is it a word list?`);
    }
    this.#vocabulary = vocabulary;
    this.unkId = unkId;
    this.eosId = eosId;
  }

  /** The tokenizer of the characters in `texts`; `<unk>` is id 0 and the line break id 1. */
  static train(texts: Iterable<string>, options: Omit<VocabularyOptions, 'reserved'>): CharTokenizer {
    const counts = new TokenCounts();
    for (const text of texts) for (const character of text) counts.add(character);
    return new CharTokenizer(Vocabulary.fromCounts(counts, { ...options, reserved: [UNK, LINE_BREAK] }));
  }

  get vocabSize(): number {
    return this.#vocabulary.size;
  }

  encode(text: string): number[] {
    return Array.from(text, (character) => this.#vocabulary.id(character) ?? this.unkId);
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
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: { type: 'Split', pattern: { Regex: '[\\s\\S]' }, behavior: 'Isolated', invert: false },
      post_processor: null,
      decoder: { type: 'Fuse' },
      model: { type: 'WordLevel', vocab: this.#vocabulary.toJSON(), unk_token: UNK },
    };
  }
}
