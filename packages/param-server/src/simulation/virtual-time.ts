/** Time that passes only from event to event, and randomness from a seed: these make a simulated run repeatable. */

/** Far longer than any run takes. Clocks that tick on their own would hide that nothing else happens. */
const longestRun = 1e5;

export class VirtualTime {
  now = 0;
  #events: { at: number; run: () => void }[] = [];

  after(delay: number, run: () => void): void {
    this.#events.push({ at: this.now + delay, run });
  }

  /** Runs events in order until `done` settles; returns or throws its outcome. */
  async runUntil<Result>(done: Promise<Result>): Promise<Result> {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
    };
    done.then(settle, settle);
    for (;;) {
      // Everything that follows from an event without waiting happens before the next event.
      await new Promise(setImmediate);
      if (isSettled) return done;
      const next = this.#takeNext();
      this.now = next.at;
      next.run();
    }
  }

  #takeNext(): { at: number; run: () => void } {
    let first = 0;
    for (const [i, event] of this.#events.entries()) if (event.at < this.#events[first]!.at) first = i;
    const [next] = this.#events.splice(first, 1);
    if (!next || next.at > longestRun) throw new Error('the simulated run has come to a standstill: everybody waits');
    return next;
  }
}

/** Returns uniform numbers in [0, 1) from a seed: mulberry32 (Tommy Ettinger, 2017). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
