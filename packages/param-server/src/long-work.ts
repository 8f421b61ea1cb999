/**
 * Work that may take long, in pieces that do not: whoever does it decides whether others get a turn between the pieces. The result
 * is the same either way.
 */
import { setImmediate } from 'node:timers/promises';

/** Each step is one piece, of a few milliseconds at most. */
export type LongWork = Generator<void, void>;

/** How long others may wait for their turn, about. */
const turnMs = 10;

/** Work that does not take long. */
export function* onePiece(work: () => void): LongWork {
  work();
  yield;
}

export function doAtOnce(work: LongWork): void {
  while (!work.next().done);
}

/** Lets this thread do other things meanwhile: answer calls, hear that a caller has gone. */
export async function doInTurns(work: LongWork): Promise<void> {
  let began = performance.now();
  while (!work.next().done) {
    if (performance.now() - began < turnMs) continue;
    await setImmediate();
    began = performance.now();
  }
}
