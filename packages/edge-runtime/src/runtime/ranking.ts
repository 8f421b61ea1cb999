/** Keeps the highest-scored of many candidates, highest first, without sorting them all. */
export class Ranking<T> {
  readonly #capacity: number;
  readonly #entries: { readonly value: T; readonly score: number }[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** A candidate must score above this to enter. */
  get bar(): number {
    return this.#entries.length < this.#capacity ? Number.NEGATIVE_INFINITY : this.#entries.at(-1)!.score;
  }

  get values(): T[] {
    return this.#entries.map(({ value }) => value);
  }

  /** Adds a candidate. Among equal scores, the first one added comes first. */
  add(value: T, score: number): void {
    if (!(score > this.bar)) return;
    let place = this.#entries.length;
    while (place > 0 && this.#entries[place - 1]!.score < score) place--;
    this.#entries.splice(place, 0, { value, score });
    if (this.#entries.length > this.#capacity) this.#entries.pop();
  }
}
