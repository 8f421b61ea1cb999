/**
 * What a worker has done since it started: steps, tokens, where the time went, bytes. The counts lie in memory that the
 * heartbeats' thread shares, so that it can tell them to the first server while this thread computes.
 */

/** The counts' order in the shared memory; names as in the schema's WorkerReport. */
export const reportFields = [
  'steps',
  'tokens',
  'computeSeconds',
  'pushSeconds',
  'waitSeconds',
  'pullSeconds',
  'sentBytes',
  'receivedBytes',
  'stalenessSum',
] as const;

/** Totals since the worker's process started. The four durations add up to the time that its steps took. */
export type WorkerReport = Readonly<Record<(typeof reportFields)[number], number>>;

export class WorkerMeter {
  /** The counts, in the order of {@link reportFields}. */
  readonly counts = new Float64Array(new SharedArrayBuffer(8 * reportFields.length));
  /** Of the step that is being made. */
  #began = 0;
  #computed = 0;
  #transfers = { push: 0, pull: 0 };

  /** A step begins, with the computation of a gradient. */
  begin(): void {
    this.#began = performance.now();
    this.#computed = this.#began;
    this.#transfers = { push: 0, pull: 0 };
  }

  /** The gradient is computed; what follows is the exchange with the servers. */
  computed(): void {
    this.#computed = performance.now();
  }

  /**
   * The step is made. One that is begun and not ended, because the servers were elsewhere, is not counted.
   * @param staleness updates that others made between the parameters it was computed from and its own
   */
  end(tokens: number, staleness = 0): void {
    const compute = (this.#computed - this.#began) / 1000;
    const exchange = (performance.now() - this.#computed) / 1000;
    const { push, pull } = this.#transfers;
    this.#add('steps', 1);
    this.#add('tokens', tokens);
    this.#add('stalenessSum', staleness);
    this.#add('computeSeconds', compute);
    this.#add('pushSeconds', push);
    this.#add('pullSeconds', pull);
    // For the other workers, and for the servers' update.
    this.#add('waitSeconds', Math.max(0, exchange - push - pull));
  }

  /** Time that this worker sent gradients, or was sent parameters. Shards are served at once: each counts its part. */
  addTransfer(direction: 'push' | 'pull', seconds: number): void {
    this.#transfers[direction] += seconds;
  }

  addBytes(direction: 'sent' | 'received', bytes: number): void {
    this.#add(direction === 'sent' ? 'sentBytes' : 'receivedBytes', bytes);
  }

  #add(field: keyof WorkerReport, amount: number): void {
    this.counts[reportFields.indexOf(field)]! += amount;
  }
}

/** What a message says; a count that is missing, or can be none, is 0. */
export function readReport(given: Partial<Record<keyof WorkerReport, number | null>> | null | undefined): WorkerReport {
  const counts = reportFields.map((field) => {
    // protobufjs decodes 64-bit integers as objects, whatever their type says.
    const count = Number(given?.[field] ?? 0);
    return [field, Number.isFinite(count) && count >= 0 ? count : 0];
  });
  return Object.fromEntries(counts) as WorkerReport;
}
