/** Turns Ctrl-C and SIGTERM into an abort signal, for work that must clean up before it ends. */
import { Interruption } from '../errors.js';

/**
 * Runs work that the first Ctrl-C asks to end: the signal aborts with an {@link Interruption}. A second one kills the
 * process.
 */
export async function interruptible<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const interrupt = new AbortController();
  const stop = (signal: NodeJS.Signals) => interrupt.abort(new Interruption('interrupted', signal));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await work(interrupt.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
