/**
 * The workers' reports from their heartbeats, and when the first server last heard each worker. They are for people to
 * look at; the shard bases no decision on them.
 */

import type { Caller } from '../shard/messages.js';
import type { WorkerReport } from './worker-meter.js';

export interface ReportingWorker {
  readonly worker: number;
  readonly silentSeconds: number;
  readonly left: boolean;
  readonly report: WorkerReport;
}

interface Entry {
  readonly heard: number;
  readonly left: boolean;
  readonly report: WorkerReport;
}

export class WorkerReports {
  readonly #now: () => number;
  readonly #entries = new Map<number, Entry>();

  /** @param now returns the time in seconds from any origin */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Stores the report of a worker whose call the shard has accepted. */
  take({ worker }: Caller, report: WorkerReport): void {
    this.#entries.set(worker, { heard: this.#now(), left: false, report });
  }

  /** Notes that the worker has said goodbye. */
  leave({ worker }: Caller): void {
    const entry = this.#entries.get(worker);
    if (entry) this.#entries.set(worker, { ...entry, left: true });
  }

  /** By worker, in ascending order. */
  get workers(): ReportingWorker[] {
    const now = this.#now();
    return [...this.#entries]
      .map(([worker, { heard, left, report }]) => ({ worker, silentSeconds: now - heard, left, report }))
      .toSorted((a, b) => a.worker - b.worker);
  }
}
