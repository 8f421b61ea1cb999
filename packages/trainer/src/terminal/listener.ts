/**
 * Hands lines and progress to a program that calls this package, instead of writing them on the terminal. Work under a
 * listener prints nothing, however deep the function that logs.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Severity } from '@unroll/param-server/client';

/** How far work has come that takes long. */
export interface WorkProgress {
  /** The work, such as `training text` or `checkpoint`. */
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** The unit of `done` and `total`, such as `tokens`. */
  readonly unit: string;
}

/** Functions by which a program hears of work that it has called. Without them, the work is silent. */
export interface Listener {
  /** Receives a line for people: words that the vocabulary lacks, files that were passed over, waits and restarts. */
  readonly onNotice?: ((line: string, severity: Severity) => void) | undefined;
  /** Receives the progress of reading, encoding, measuring and the like, many times a second. */
  readonly onProgress?: ((progress: WorkProgress) => void) | undefined;
}

const listeners = new AsyncLocalStorage<Listener>();

/** Returns the listener of the work that is being done; undefined where lines go to the terminal. */
export function currentListener(): Listener | undefined {
  return listeners.getStore();
}

/** Does work whose lines and progress go to the listener. */
export function heardBy<Result>(listener: Listener, work: () => Result): Result {
  return listeners.run(listener, work);
}

/** Yields the events of work whose lines and progress go to the listener. */
export async function* eventsHeardBy<Event>(
  listener: Listener,
  work: AsyncGenerator<Event, void, undefined>,
): AsyncGenerator<Event, void, undefined> {
  try {
    for (;;) {
      const { done, value } = await heardBy(listener, () => work.next());
      if (done) return;
      yield value;
    }
  } finally {
    await heardBy(listener, () => work.return());
  }
}
