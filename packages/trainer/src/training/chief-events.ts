/** Picks the events that tell of a whole run from those of its workers: the chief's. */
import type { RunEvent } from './run.js';

const chiefEvents: ReadonlySet<RunEvent['type']> = new Set(['evaluation', 'validation', 'checkpoint']);

export class ChiefEvents {
  #chief = 0;
  #hasStarted = false;

  /** The worker that evaluates and writes the checkpoints, as far as is known. */
  get chief(): number {
    return this.#chief;
  }

  /** Whether the event is the chief's. A worker that was killed starts again, which is no news of the run. */
  includes(event: RunEvent, worker: number): boolean {
    if (chiefEvents.has(event.type)) this.#chief = worker;
    if (worker !== this.#chief) return false;
    if (event.type !== 'start') return true;
    const isFirst = !this.#hasStarted;
    this.#hasStarted = true;
    return isFirst;
  }
}
