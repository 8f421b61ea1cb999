// How often each token occurs in a text of any size, in memory that does not grow with the text: when there are too many
// different tokens the rarest are forgotten (Manku and Motwani 2002, "Approximate Frequency Counts over Data Streams"; so
// does word2vec). What becomes of the counts is the vocabulary's affair.

/** What different tokens are kept: two and a half million take some 300 MB. One Billion Word has fewer. */
const MOST_TOKENS = 2_500_000;

/** Counts of tokens, in the order of their first appearance. */
export class TokenCounts implements Iterable<readonly [token: string, count: number]> {
  readonly #counts = new Map<string, number>();
  readonly #most: number;
  #missing = 0;

  /** @param most different tokens kept; more are met by forgetting the rarest */
  constructor(most = MOST_TOKENS) {
    this.#most = most;
  }

  /** What a count may lack, and how often a token that is not here may have occurred. 0 if nothing was forgotten. */
  get missing(): number {
    return this.#missing;
  }

  get size(): number {
    return this.#counts.size;
  }

  /** One more of `token`, which may be a slice of a text: it is kept as a copy. */
  add(token: string): void {
    const count = this.#counts.get(token);
    if (count !== undefined) {
      this.#counts.set(token, count + 1);
      return;
    }
    if (this.#counts.size === this.#most) this.#forgetRarest();
    this.#counts.set(copyOf(token), 1);
  }

  /** 0 for a token that is not here. */
  count(token: string): number {
    return this.#counts.get(token) ?? 0;
  }

  tokens(): Iterable<string> {
    return this.#counts.keys();
  }

  [Symbol.iterator](): Iterator<readonly [token: string, count: number]> {
    return this.#counts.entries();
  }

  /** Makes room: at least half of the tokens go, so that it is seldom done. */
  #forgetRarest(): void {
    let rarest = 0;
    while (this.#counts.size > this.#most / 2) {
      rarest++;
      for (const [token, count] of this.#counts) if (count <= rarest) this.#counts.delete(token);
    }
    this.#missing += rarest;
  }
}

/** The same characters apart from the text that they were cut out of, which engines keep in memory with every slice of it. */
function copyOf(token: string): string {
  return token.split('').join('');
}
