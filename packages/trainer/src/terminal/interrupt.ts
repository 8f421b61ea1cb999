/** Ctrl-C and SIGTERM as an abort signal, for work that has something to put in order before it ends. */
import { Interruption } from '../errors.js';

/** Does work that the first Ctrl-C asks to end: the signal aborts with an {@link Interruption}. A second one kills the process. */
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
