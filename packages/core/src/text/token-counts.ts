// Counts the tokens of a text of any size, in memory that does not grow with the text. If there are too many different
// tokens, the rarest are forgotten (Manku and Motwani 2002, "Approximate Frequency Counts over Data Streams"; word2vec
// does the same). The vocabulary uses the counts.

/** The most different tokens kept: two and a half million take about 300 MB. One Billion Word has fewer. */
const MOST_TOKENS = 2_500_000;

/** Counts of tokens, in the order of their first appearance. */
export class TokenCounts implements Iterable<readonly [token: string, count: number]> {
  readonly #counts = new Map<string, number>();
  readonly #most: number;
  #missing = 0;

  /** @param most number of different tokens kept; when more occur, the rarest are forgotten */
  constructor(most = MOST_TOKENS) {
    this.#most = most;
  }

  /** The most by which a count may be too low, also for a token that is not here. 0 if nothing was forgotten. */
  get missing(): number {
    return this.#missing;
  }

  get size(): number {
    return this.#counts.size;
  }

  /** Counts one more `token`. Stores a copy, because the token may be a slice of a text. */
  add(token: string): void {
    const count = this.#counts.get(token);
    if (count !== undefined) {
      this.#counts.set(token, count + 1);
      return;
    }
    if (this.#counts.size === this.#most) this.#forgetRarest();
    this.#counts.set(copyOf(token), 1);
  }

  /** The count of a token; 0 if it is not here. */
  count(token: string): number {
    return this.#counts.get(token) ?? 0;
  }

  tokens(): Iterable<string> {
    return this.#counts.keys();
  }

  [Symbol.iterator](): Iterator<readonly [token: string, count: number]> {
    return this.#counts.entries();
  }

  /** Makes room: forgets at least half of the tokens, so that it happens seldom. */
  #forgetRarest(): void {
    let rarest = 0;
    while (this.#counts.size > this.#most / 2) {
      rarest++;
      for (const [token, count] of this.#counts) if (count <= rarest) this.#counts.delete(token);
    }
    this.#missing += rarest;
  }
}

/** Copies the characters. Engines keep the whole text in memory as long as a slice of it exists. */
function copyOf(token: string): string {
  return token.split('').join('');
}
