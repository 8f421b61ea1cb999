// Byte-level byte-pair encoding (Sennrich et al. 2016, over bytes as in GPT-2). Hugging Face's JavaScript tokenizers
// encode and decode; bpe-training.ts learns the merges.

import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { type AddedToken, specialToken } from './added-tokens.js';
import { BYTE_ALPHABET } from './byte-level.js';
import { type Span, spansOfBytes } from './spans.js';
import type { Tokenizer, TokenizerJson } from './tokenizer.js';
import type { Vocabulary } from './vocabulary.js';

/** The token that ends a line; it is cut out of the text before bytes are merged. */
export const LINE_BREAK = '\n';

/**
 * GPT-2's rule for cutting text into the words within which bytes are merged; byte-level.ts does the same for training.
 */
const BYTE_LEVEL = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true } as const;

/** The data of a byte-level BPE tokenizer. */
export interface BpeModel {
  /** The line break, the 256 bytes in GPT-2's printable alphabet, and one token for each merge. */
  readonly vocabulary: Vocabulary;
  /** The pairs of tokens to join, earliest first. */
  readonly merges: readonly (readonly [string, string])[];
  /** Tokens of the vocabulary that are cut out of the text wherever they occur. Default: the line break. */
  readonly addedTokens?: readonly AddedToken[];
  /** Whether texts start from the line break; default true. */
  readonly hasStart?: boolean;
}

/** A tokenizer whose tokens are byte sequences; no text is unknown to it. */
export class BpeTokenizer implements Tokenizer {
  readonly kind = 'bpe';
  readonly eosId: number;
  readonly unkId = undefined;
  readonly startId: number | undefined;
  readonly #model: BpeModel;
  readonly #addedTokens: readonly AddedToken[];
  // The package's declarations do not resolve under Node's module rules, so the used members are declared here.
  readonly #delegate: { encode(text: string): { ids: number[] }; decode(ids: number[]): string };

  /**
   * @throws Error if the vocabulary lacks the line break or a byte, or a merge joins or makes a token that it lacks
   */
  constructor(model: BpeModel) {
    const { vocabulary, merges } = model;
    const eosId = vocabulary.id(LINE_BREAK);
    if (eosId === undefined) throw new Error('bpe tokenizer: the vocabulary lacks the line break "\\n"; add it');
    const byte = BYTE_ALPHABET.findIndex((character) => vocabulary.id(character) === undefined);
    if (byte !== -1) {
      throw new Error(`bpe tokenizer: the vocabulary lacks byte ${byte}, "${BYTE_ALPHABET[byte]}"; add all 256`);
    }
    for (const [left, right] of merges) {
      const missing = [left, right, left + right].find((token) => vocabulary.id(token) === undefined);
      if (missing !== undefined) {
        throw new Error(
          `bpe tokenizer: merge "${left} ${right}" needs the token "${missing}"; add it to the vocabulary`,
        );
      }
    }
    const { addedTokens = [specialToken(eosId, LINE_BREAK)] } = model;
    if (!addedTokens.some(({ id }) => id === eosId)) {
      throw new Error('bpe tokenizer: the line break "\\n" is not cut out of the text; add it to the added tokens');
    }
    this.eosId = eosId;
    this.startId = model.hasStart === false ? undefined : eosId;
    this.#model = model;
    this.#addedTokens = addedTokens;
    this.#delegate = new HuggingFaceTokenizer(this.toJSON(), { clean_up_tokenization_spaces: false });
  }

  get vocabSize(): number {
    return this.#model.vocabulary.size;
  }

  encode(text: string): number[] {
    return this.#delegate.encode(text).ids;
  }

  spans(text: string): Span[] {
    return byteLevelSpans(text, this.encode(text), this, this.#addedTokens);
  }

  decode(ids: readonly number[]): string {
    return ids.length === 0 ? '' : this.#delegate.decode([...ids]);
  }

  token(id: number): string {
    return this.#model.vocabulary.token(id);
  }

  id(token: string): number | undefined {
    return this.#model.vocabulary.id(token);
  }

  toJSON(): TokenizerJson {
    return {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: this.#addedTokens,
      normalizer: null,
      pre_tokenizer: BYTE_LEVEL,
      post_processor: null,
      decoder: BYTE_LEVEL,
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        vocab: this.#model.vocabulary.toJSON(),
        merges: this.#model.merges,
        ...(this.startId === undefined && { start_token: null }),
      },
    };
  }
}

/**
 * Finds the part of `text` that each of its byte-level tokens `ids` stands for. Each character of a token stands for
 * one byte; added tokens stand for their own text.
 */
export function byteLevelSpans(
  text: string,
  ids: readonly number[],
  tokenizer: { token(id: number): string },
  addedTokens: readonly { readonly id: number }[],
): Span[] {
  const added = new Set(addedTokens.map(({ id }) => id));
  const sizes = ids.map((id) => {
    const token = tokenizer.token(id);
    return added.has(id) ? new TextEncoder().encode(token).length : [...token].length;
  });
  return spansOfBytes(text, sizes);
}
