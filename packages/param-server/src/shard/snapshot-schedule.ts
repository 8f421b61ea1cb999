/**
 * Schedules a shard's snapshots: at every multiple of a number of steps, so that all shards take them at the same
 * steps. One snapshot is written at a time. If the next is due while one is being written, its update is not shown
 * until that write is done. So no shard gets more than one snapshot ahead of another shard's disk.
 */
import type { Outbox } from './outbox.js';

export class SnapshotSchedule {
  readonly #every: number;
  readonly #out: Outbox;
  #isWriting = false;
  #isWaiting = false;

  /** `every` is in steps; 0 takes no snapshots. */
  constructor(every: number, out: Outbox) {
    this.#every = every;
    this.#out = out;
  }

  /** Whether an update waits for the previous snapshot to be written. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Returns whether a snapshot is due at this step. */
  isDue(step: number): boolean {
    return this.#every > 0 && step % this.#every === 0;
  }

  /**
   * Notes that the values have reached a step, and takes a snapshot if one is due. Returns whether the values may
   * change again.
   */
  reach(step: number): boolean {
    if (!this.isDue(step)) return true;
    if (this.#isWriting) {
      this.#isWaiting = true;
      return false;
    }
    this.#isWriting = true;
    this.#out.add({ type: 'snapshot', step });
    return true;
  }

  /** Notes that the last snapshot is written. Returns whether values that waited for it may now change again. */
  written(step: number): boolean {
    this.#isWriting = false;
    if (!this.#isWaiting) return false;
    this.#isWaiting = false;
    return this.reach(step);
  }

  /** Forgets the values that waited; they were discarded. */
  forgetWaiting(): void {
    this.#isWaiting = false;
  }
}
