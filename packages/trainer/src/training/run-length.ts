/**
 * How many steps to make in one call of the engine: more cost less each, but nobody hears of them, nor can interrupt, before the
 * last is made. What is computed does not depend on it.
 */

/** Of a call, about. */
const longestSeconds = 1;
/** What a call costs once is small beside so many steps, and their inputs wait in memory. */
const mostSteps = 8;

export class RunLength {
  #secondsAStep = Number.POSITIVE_INFINITY;

  /** Of the next call; 1 before anything was measured. */
  get steps(): number {
    return Math.max(1, Math.min(mostSteps, Math.floor(longestSeconds / this.#secondsAStep)));
  }

  /** Makes steps, and measures how long each takes. */
  async measure<R>(steps: number, make: () => Promise<R>): Promise<R> {
    const began = performance.now();
    const result = await make();
    this.#secondsAStep = (performance.now() - began) / 1000 / steps;
    return result;
  }
}
