/**
 * Long work in short pieces. The caller decides whether others get a turn between the pieces; the result is the same
 * either way.
 */
import { setImmediate } from 'node:timers/promises';

/** Each step is one piece, of a few milliseconds at most. */
export type LongWork = Generator<void, void>;

/** Approximate time in milliseconds before others get a turn. */
const turnMs = 10;

/** Wraps work that does not take long. */
export function* onePiece(work: () => void): LongWork {
  work();
  yield;
}

export function doAtOnce(work: LongWork): void {
  while (!work.next().done);
}

/**
 * Does the work in turns with other tasks of this thread, such as answering calls and noticing that a caller has gone.
 */
export async function doInTurns(work: LongWork): Promise<void> {
  let began = performance.now();
  while (!work.next().done) {
    if (performance.now() - began < turnMs) continue;
    await setImmediate();
    began = performance.now();
  }
}
