// Words between white space, in the layout of the Penn Treebank files: one sentence a line, each line ended by `<eos>`,
// rare words already written as `<unk>`. It neither lower-cases nor splits off punctuation.

import { TokenCounts } from './token-counts.js';
import { specialToken, type Tokenizer, type TokenizerJson } from './tokenizer.js';
import { Vocabulary, type VocabularyOptions } from './vocabulary.js';

const UNK = '<unk>';
const EOS = '<eos>';

/** A tokenizer whose tokens are words. */
export class WordTokenizer implements Tokenizer {
  readonly kind = 'word';
  readonly eosId: number;
  readonly unkId: number;
  readonly #vocabulary: Vocabulary;

  /** Throws an Error if the vocabulary lacks `<unk>` or `<eos>`. */
  constructor(vocabulary: Vocabulary) {
    const unkId = vocabulary.id(UNK);
    const eosId = vocabulary.id(EOS);
    if (unkId === undefined || eosId === undefined) {
      throw new Error(`word tokenizer: the vocabulary lacks ${unkId === undefined ? UNK : EOS}; add it`);
    }
    this.#vocabulary = vocabulary;
    this.unkId = unkId;
    this.eosId = eosId;
  }

  /** The tokenizer of the words in `texts`; `<unk>` is id 0 and `<eos>` id 1. Every text is made of whole lines. */
  static train(texts: Iterable<string>, options: Omit<VocabularyOptions, 'reserved'>): WordTokenizer {
    const counts = new TokenCounts();
    for (const text of texts) for (const word of wordsOf(text)) counts.add(word);
    return new WordTokenizer(Vocabulary.fromCounts(counts, { ...options, reserved: [UNK, EOS] }));
  }

  get vocabSize(): number {
    return this.#vocabulary.size;
  }

  encode(text: string): number[] {
    const ids: number[] = [];
    for (const [index, line] of text.split('\n').entries()) {
      if (index > 0) ids.push(this.eosId);
      for (const word of wordsOf(line)) ids.push(this.#vocabulary.id(word) ?? this.unkId);
    }
    return ids;
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
      added_tokens: [specialToken(this.unkId, UNK), specialToken(this.eosId, EOS)],
      normalizer: { type: 'Replace', pattern: { String: '\n' }, content: ` ${EOS} ` },
      pre_tokenizer: { type: 'WhitespaceSplit' },
      post_processor: null,
      decoder: null,
      model: { type: 'WordLevel', vocab: this.#vocabulary.toJSON(), unk_token: UNK },
    };
  }
}

function wordsOf(text: string): string[] {
  return text.match(/\S+/g) ?? [];
}
