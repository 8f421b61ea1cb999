/** Assigns lanes to workers: contiguous ranges in the order of the workers, as equal in size as possible. */
import type { LaneRange } from './messages.js';

export class LaneLeases {
  #ranges = new Map<number, LaneRange>();

  /** `lanes` is the number of lanes. */
  constructor(readonly lanes: number) {}

  /** The workers that hold lanes, ascending. */
  get workers(): number[] {
    return [...this.#ranges.keys()];
  }

  of(worker: number): LaneRange | undefined {
    return this.#ranges.get(worker);
  }

  /** Deals all lanes to these workers. There must be no more workers than lanes. */
  deal(workers: readonly number[]): void {
    const bound = (k: number) => Math.floor((k * this.lanes) / workers.length);
    const ordered = workers.toSorted((a, b) => a - b);
    this.#ranges = new Map(ordered.map((worker, k) => [worker, { from: bound(k), to: bound(k + 1) }]));
  }
}
