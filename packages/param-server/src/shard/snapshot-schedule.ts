/**
 * When a shard takes snapshots: at every multiple of a number of steps, so that all shards take them at the same ones. It
 * writes one at a time: an update that leads to the next while one is being written is not shown until that is done, so
 * that no shard gets more than one snapshot ahead of another's disk.
 */
import type { Outbox } from './outbox.js';

export class SnapshotSchedule {
  readonly #every: number;
  readonly #out: Outbox;
  #isWriting = false;
  #isWaiting = false;

  /** `every` is in steps; 0 for never. */
  constructor(every: number, out: Outbox) {
    this.#every = every;
    this.#out = out;
  }

  /** Whether an update waits for the snapshot before to be written. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Whether a snapshot is taken of this step. */
  isDue(step: number): boolean {
    return this.#every > 0 && step % this.#every === 0;
  }

  /** The values have reached a step. Returns whether they may change again, the snapshot, if one is due, being taken. */
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

  /** The last snapshot is written. Returns whether values that waited for that may now change again. */
  written(step: number): boolean {
    this.#isWriting = false;
    if (!this.#isWaiting) return false;
    this.#isWaiting = false;
    return this.reach(step);
  }

  /** The values that waited are given up. */
  forgetWaiting(): void {
    this.#isWaiting = false;
  }
}
