/** How often a killed process is started again, and after which pauses. It starts none; `child.ts` does. */

/** Between a process's death and the start of the next: doubles for one that does not live long. */
const [shortestPauseSeconds, longestPauseSeconds] = [0.2, 10];

/** A process that lived for longer was not killed by what it does first: it begins anew. */
const longLifeSeconds = 60;

export class Restarts {
  readonly most: number;
  #count = 0;
  #pauseSeconds = shortestPauseSeconds;

  /** @param most how many in a row are allowed */
  constructor(most: number) {
    this.most = most;
  }

  /** Since the process last lived long. */
  get count(): number {
    return this.#count;
  }

  /** @returns the pause before the process is started again that was killed after so long; undefined if it no longer is */
  next(livedSeconds: number): number | undefined {
    if (livedSeconds > longLifeSeconds) {
      this.#count = 0;
      this.#pauseSeconds = shortestPauseSeconds;
    }
    if (this.#count === this.most) return undefined;
    this.#count++;
    const pause = this.#pauseSeconds;
    this.#pauseSeconds = Math.min(2 * pause, longestPauseSeconds);
    return pause;
  }
}
