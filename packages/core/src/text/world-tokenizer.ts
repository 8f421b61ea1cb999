// The tokenizer of RWKV's World models: at each place of the text's UTF-8, the longest token of the vocabulary that
// matches (greedy, by a trie). Its models have no start token. As `tokenizer.json` it is Hugging Face's WordPiece,
// which matches greedily too, over bytes in GPT-2's printable alphabet and without cutting the text into words first.

import { byteLevelSpans } from './bpe-tokenizer.js';
import { BYTE_ALPHABET } from './byte-level.js';
import type { Span } from './spans.js';
import type { Tokenizer, TokenizerJson } from './tokenizer.js';
import type { Vocabulary } from './vocabulary.js';

const BYTES_WHOLE = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false } as const;

const byteOf = new Map(BYTE_ALPHABET.map((character, byte) => [character, byte]));
const utf8 = new TextEncoder();

/** Bytes in GPT-2's printable alphabet. */
export function inByteAlphabet(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => BYTE_ALPHABET[byte]).join('');
}

/** A tokenizer whose tokens are byte sequences; no text is unknown to it. */
export class WorldTokenizer implements Tokenizer {
  readonly kind = 'bpe';
  readonly eosId: number;
  readonly unkId = undefined;
  readonly startId = undefined;
  readonly #vocabulary: Vocabulary;
  /** The bytes of each token; none of a token that stands for no text, such as the end of a text. */
  readonly #bytes: readonly Uint8Array[];
  /** The node after the byte b from the node n of the trie, by 256·n + b; the root is node 0. */
  readonly #children = new Map<number, number>();
  /** The token that ends at each node, if one does. */
  readonly #ends: (number | undefined)[] = [undefined];

  /**
   * @param vocabulary tokens in GPT-2's printable alphabet; one with another character, such as a space, is in no text
   * @throws Error if the vocabulary lacks a byte
   */
  constructor(vocabulary: Vocabulary) {
    const byte = BYTE_ALPHABET.findIndex((character) => vocabulary.id(character) === undefined);
    if (byte !== -1) throw new Error(`world tokenizer: the vocabulary lacks byte ${byte}; add all 256`);
    this.#vocabulary = vocabulary;
    this.#bytes = vocabulary.tokens.map((token) => {
      const bytes = Array.from(token, (character) => byteOf.get(character));
      return bytes.includes(undefined) ? new Uint8Array() : Uint8Array.from(bytes as number[]);
    });
    for (const [id, bytes] of this.#bytes.entries()) if (bytes.length > 0) this.#add(bytes, id);
    this.eosId = vocabulary.id(BYTE_ALPHABET[0x0a]!)!;
  }

  #add(bytes: Uint8Array, id: number): void {
    let node = 0;
    for (const byte of bytes) {
      let next = this.#children.get(256 * node + byte);
      if (next === undefined) {
        next = this.#ends.push(undefined) - 1;
        this.#children.set(256 * node + byte, next);
      }
      node = next;
    }
    this.#ends[node] = id;
  }

  get vocabSize(): number {
    return this.#vocabulary.size;
  }

  encode(text: string): number[] {
    const bytes = utf8.encode(text);
    const ids: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      let [node, end, id]: [number | undefined, number, number] = [0, at, 0];
      for (let k = at; k < bytes.length; k++) {
        node = this.#children.get(256 * node + bytes[k]!);
        if (node === undefined) break;
        const found = this.#ends[node];
        if (found !== undefined) [id, end] = [found, k + 1];
      }
      ids.push(id);
      at = end;
    }
    return ids;
  }

  spans(text: string): Span[] {
    return byteLevelSpans(text, this.encode(text), this, []);
  }

  decode(ids: readonly number[]): string {
    const parts = ids.map((id) => this.#bytes[id]!);
    const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return new TextDecoder().decode(bytes);
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
      pre_tokenizer: BYTES_WHOLE,
      post_processor: null,
      decoder: { ...BYTES_WHOLE, use_regex: true },
      model: {
        type: 'WordPiece',
        unk_token: this.token(this.eosId),
        continuing_subword_prefix: '',
        max_input_chars_per_word: 2 ** 31 - 1,
        start_token: null,
        vocab: this.#vocabulary.toJSON(),
      },
    };
  }
}
