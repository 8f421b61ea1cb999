/** Turns Ctrl-C and SIGTERM into an abort signal, for work that must clean up before it ends. */
import { Interruption } from '../errors.js';
import { log } from './log.js';

/**
 * Runs work that the first Ctrl-C asks to end: the signal aborts with an {@link Interruption}. A second one ends the
 * process at once.
 * @param ending describes what happens until the work has ended, for a line that answers the first Ctrl-C; by default
 *   there is no line
 */
export async function interruptible<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
  ending?: () => string,
): Promise<Result> {
  const interrupt = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    const reason = new Interruption('interrupted', signal);
    if (interrupt.signal.aborted) {
      log('stopped at once', 'warning');
      process.exit(reason.status);
    }
    if (ending) log(`interrupted: ${ending()}; a second Ctrl-C stops at once`, 'warning');
    interrupt.abort(reason);
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await work(interrupt.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
