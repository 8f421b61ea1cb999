/**
 * A worker's totals since it started: steps, tokens, time by activity, bytes. The counts lie in memory shared with the
 * heartbeat thread, which can report them to the first server while this thread computes.
 */

/** The order of the counts in the shared memory; names as in the schema's WorkerReport. */
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
  'lossSum',
  // The heartbeat thread fills these in: they change while a step is computed.
  'cpuSeconds',
  'memoryBytes',
] as const;

/**
 * Totals since the worker's process started, but for `memoryBytes`, which it has now. The four durations add up to the time that its steps took. Sending,
 * reading or waiting while a gradient is being computed counts as computing.
 */
export type WorkerReport = Readonly<Record<(typeof reportFields)[number], number>>;

interface MeteredStep {
  readonly tokens: number;
  readonly lossSum: number;
  readonly staleness?: number;
}

export class WorkerMeter {
  /** The counts, in the order of {@link reportFields}. */
  readonly counts = new Float64Array(new SharedArrayBuffer(8 * reportFields.length));
  /** When the current step began. */
  #began = 0;
  #computeSeconds = 0;
  #transfers = { push: 0, pull: 0 };
  #isComputing = false;
  /** When computing last started or stopped. */
  #changed = 0;

  /** Marks the beginning of a step. */
  begin(): void {
    this.#began = performance.now();
    this.#changed = this.#began;
    this.#isComputing = false;
    this.#computeSeconds = 0;
    this.#transfers = { push: 0, pull: 0 };
  }

  /** Marks that the gradient, or a part of it, is being computed from now on. */
  computes(): void {
    this.#changed = performance.now();
    this.#isComputing = true;
  }

  /** Marks that computing has stopped; the exchange with the servers follows. */
  computed(): void {
    const now = performance.now();
    this.#computeSeconds += secondsBetween(this.#changed, now);
    this.#changed = now;
    this.#isComputing = false;
  }

  /**
   * Marks the end of a step. A step that was begun but not ended, because the servers were elsewhere, is not counted.
   * @param step.lossSum the training loss in nats, summed over the step's tokens
   * @param step.staleness the number of other workers' updates between the parameters the step was computed from and
   *   its own update
   */
  end({ tokens, lossSum, staleness = 0 }: MeteredStep): void {
    const compute = this.#computeSeconds;
    const exchange = secondsBetween(this.#began, performance.now()) - compute;
    const { push, pull } = this.#transfers;
    this.#add('steps', 1);
    this.#add('tokens', tokens);
    this.#add('lossSum', lossSum);
    this.#add('stalenessSum', staleness);
    this.#add('computeSeconds', compute);
    this.#add('pushSeconds', push);
    this.#add('pullSeconds', pull);
    // The rest is waiting for the other workers and for the servers' update.
    this.#add('waitSeconds', Math.max(0, exchange - push - pull));
  }

  /**
   * Adds a transfer that ends now: gradients sent, or parameters received.
   * @param began its start, from `performance.now()`
   * @param share the fraction of the time to count: shards are served at once, and each counts its part
   */
  addTransfer(direction: 'push' | 'pull', began: number, share: number): void {
    if (this.#isComputing) return;
    this.#transfers[direction] += share * secondsBetween(Math.max(began, this.#changed), performance.now());
  }

  addBytes(direction: 'sent' | 'received', bytes: number): void {
    this.#add(direction === 'sent' ? 'sentBytes' : 'receivedBytes', bytes);
  }

  #add(field: keyof WorkerReport, amount: number): void {
    this.counts[reportFields.indexOf(field)]! += amount;
  }
}

function secondsBetween(from: number, to: number): number {
  return Math.max(0, to - from) / 1000;
}

/** Reads a message's counts; missing or invalid ones become 0. */
export function readReport(given: Partial<Record<keyof WorkerReport, number | null>> | null | undefined): WorkerReport {
  const counts = reportFields.map((field) => {
    const count = given?.[field] ?? 0;
    return [field, Number.isFinite(count) && count >= 0 ? count : 0];
  });
  return Object.fromEntries(counts) as WorkerReport;
}
