/**
 * A clock that stands while its process does: stopped by a signal, paused together with its virtual machine, or held up.
 * The silence of others in that time is not theirs.
 */

export interface AttentiveClockOptions {
  /** Returns the time in seconds from any origin. */
  readonly now: () => number;
  /** Somebody reads the clock at least this often, in seconds, unless the process stands still. */
  readonly readEvery: number;
  /** Called after a pause, with its length in seconds. */
  readonly onPause?: (seconds: number) => void;
}

export class AttentiveClock {
  readonly #options: AttentiveClockOptions;
  #lastRead: number;
  /** The length of all pauses, in seconds. */
  #paused = 0;

  constructor(options: AttentiveClockOptions) {
    this.#options = options;
    this.#lastRead = options.now();
  }

  /** The time in seconds, without the pauses of this process. */
  get now(): number {
    const { now, readEvery, onPause } = this.#options;
    const time = now();
    const gap = time - this.#lastRead;
    this.#lastRead = time;
    if (gap > 2 * readEvery) {
      this.#paused += gap;
      onPause?.(gap);
    }
    return time - this.#paused;
  }
}
