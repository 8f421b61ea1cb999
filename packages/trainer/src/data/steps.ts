// Work in steps: a generator that yields its progress, so that its caller can show it and stop in between.

import { setImmediate } from 'node:timers/promises';
import { Progress } from '../terminal/progress.js';

/** Longest time before signals and timers get a turn, in milliseconds. */
const TURN = 100;

/** Runs the work to its end and returns its result. */
export function lastOf<Result>(work: Iterator<unknown, Result, undefined>): Result {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/**
 * Runs the work, shows its progress, and lets Ctrl-C end it.
 * @throws the signal's reason when it aborts
 */
export async function inSteps<Result>(
  work: Iterator<number, Result, undefined>,
  shown: { readonly label: string; readonly total: number; readonly unit: string },
  signal: AbortSignal | undefined,
): Promise<Result> {
  const progress = new Progress(shown.label, shown.total, shown.unit);
  let turn = performance.now();
  try {
    for (;;) {
      const { done, value } = work.next();
      if (done) return value;
      if (performance.now() - turn < TURN) continue;
      progress.update(value);
      await setImmediate();
      signal?.throwIfAborted();
      turn = performance.now();
    }
  } finally {
    progress.stop();
  }
}
