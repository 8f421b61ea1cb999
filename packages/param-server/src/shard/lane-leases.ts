/** Which worker computes which lanes: contiguous ranges in the order of the workers, as equal as lanes allow. */
import type { LaneRange } from './messages.js';

export class LaneLeases {
  #ranges = new Map<number, LaneRange>();

  /** `lanes` is their number. */
  constructor(readonly lanes: number) {}

  /** The workers that hold lanes, ascending. */
  get workers(): number[] {
    return [...this.#ranges.keys()];
  }

  of(worker: number): LaneRange | undefined {
    return this.#ranges.get(worker);
  }

  /** Deals all lanes to these workers, of which there are at most as many as lanes. */
  deal(workers: readonly number[]): void {
    const bound = (k: number) => Math.floor((k * this.lanes) / workers.length);
    const ordered = workers.toSorted((a, b) => a - b);
    this.#ranges = new Map(ordered.map((worker, k) => [worker, { from: bound(k), to: bound(k + 1) }]));
  }
}
