/** Time that passes only from event to event, and randomness from a seed: these make a simulated run repeatable. */

/** Far longer than any run takes. Clocks that tick on their own would hide that nothing else happens. */
const longestRun = 1e5;

export class VirtualTime {
  now = 0;
  #count = 0;
  /** A binary heap: each event comes before those at twice its place and one or two on. */
  readonly #events: Event[] = [];

  /** Events of the same moment happen in the order in which they were planned. */
  after(delay: number, run: () => void): void {
    const event = { at: this.now + delay, order: this.#count++, run };
    const heap = this.#events;
    let place = heap.push(event) - 1;
    for (;;) {
      const parent = (place - 1) >> 1;
      if (place === 0 || isBefore(heap[parent]!, event)) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = event;
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

  #takeNext(): Event {
    const heap = this.#events;
    const [next] = heap;
    if (!next || next.at > longestRun) throw new Error('the simulated run has come to a standstill: everybody waits');
    const last = heap.pop()!;
    if (heap.length === 0) return next;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (child >= heap.length || isBefore(last, heap[child]!)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
    return next;
  }
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
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
