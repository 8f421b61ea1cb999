/** Decides how often a killed process is restarted, and after which pauses. It starts none; `child.ts` does. */

/** The pause between a process's death and its restart. It doubles while the process does not live long. */
const [shortestPauseSeconds, longestPauseSeconds] = [0.2, 10];

/** A process that lived longer than this was not killed by something at its start, so its count starts afresh. */
const longLifeSeconds = 60;

export class Restarts {
  readonly most: number;
  #count = 0;
  #pauseSeconds = shortestPauseSeconds;

  /** @param most the greatest number of restarts in a row */
  constructor(most: number) {
    this.most = most;
  }

  /** The number of restarts since the process last lived long. */
  get count(): number {
    return this.#count;
  }

  /** @returns the pause before restarting a process that lived this long; undefined if it must not be restarted */
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
