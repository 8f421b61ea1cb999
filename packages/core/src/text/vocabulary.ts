// Maps tokens to ids and back, and chooses tokens by their counts. The tokenizers decide what a token is and how text
// is cut.

import type { TokenCounts } from './token-counts.js';

/** Rules for choosing a vocabulary from counted tokens. */
export interface VocabularyOptions {
  /** Tokens that come first, in this order, whether counted or not. */
  readonly reserved: readonly string[];
  /** The most entries, including reserved ones; the rarest counted tokens are left out. Default: no limit. */
  readonly maxSize?: number | undefined;
  /** Tokens counted less often are left out. Default 1. */
  readonly minCount?: number | undefined;
  /** Order of ids: by falling count (ties by first appearance), or by first appearance. Default `frequency`. */
  readonly order?: 'frequency' | 'appearance' | undefined;
}

/** An immutable list of distinct tokens; a token's id is its position in the list. */
export class Vocabulary {
  readonly tokens: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;

  /** @throws Error if a token occurs twice */
  constructor(tokens: readonly string[]) {
    const ids = new Map<string, number>();
    for (const [id, token] of tokens.entries()) {
      const first = ids.get(token);
      if (first !== undefined) {
        throw new Error(`vocabulary: token ${JSON.stringify(token)} has two ids, ${first} and ${id}; remove one`);
      }
      ids.set(token, id);
    }
    this.tokens = tokens;
    this.#ids = ids;
  }

  /**
   * Chooses a vocabulary from counted tokens.
   * @throws RangeError if `maxSize` is below the number of reserved tokens, if `minCount` is below 1, or if a token of
   * the vocabulary may have been forgotten
   */
  static fromCounts(counts: TokenCounts, options: VocabularyOptions): Vocabulary {
    const { reserved, maxSize = Number.POSITIVE_INFINITY, minCount = 1, order = 'frequency' } = options;
    if (!(maxSize >= reserved.length)) {
      throw new RangeError(`vocabulary size ${maxSize}: must be at least ${reserved.length}, the special tokens`);
    }
    if (!(minCount >= 1)) throw new RangeError(`minimum count ${minCount}: must be at least 1`);
    const isReserved = new Set(reserved);
    const frequent: string[] = [];
    for (const [token, count] of counts) if (count >= minCount && !isReserved.has(token)) frequent.push(token);
    frequent.sort((a, b) => counts.count(b) - counts.count(a));
    if (frequent.length > maxSize - reserved.length) frequent.length = maxSize - reserved.length;
    refuseUncertain(counts, frequent, reserved.length);
    if (order === 'frequency') return new Vocabulary([...reserved, ...frequent]);
    const kept = new Set(frequent);
    return new Vocabulary([...reserved, ...[...counts.tokens()].filter((token) => kept.has(token))]);
  }

  /** The number of tokens. */
  get size(): number {
    return this.tokens.length;
  }

  /**
   * The token with this id.
   * @throws RangeError for an id that the vocabulary does not have
   */
  token(id: number): string {
    const token = this.tokens[id];
    if (token === undefined) throw new RangeError(`token id ${id}: the vocabulary has ids 0 to ${this.size - 1}`);
    return token;
  }

  /** The id of this token; undefined if the vocabulary lacks it. */
  id(token: string): number | undefined {
    return this.#ids.get(token);
  }

  /** Token → id, as the `vocab` of a `tokenizer.json`. */
  toJSON(): Record<string, number> {
    return Object.fromEntries(this.#ids);
  }
}

/**
 * Refuses a vocabulary that may lack a token as frequent as its rarest one.
 * @param frequent tokens by falling count
 */
function refuseUncertain(counts: TokenCounts, frequent: readonly string[], reserved: number): void {
  const uncertain = frequent.findIndex((token) => counts.count(token) <= counts.missing);
  if (uncertain === -1) return;
  throw new RangeError(
    `vocabulary size: the text has more different tokens than can be counted one by one; give at most ${uncertain + reserved}`,
  );
}
