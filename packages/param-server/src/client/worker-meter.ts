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
  'lossSum',
] as const;

/**
 * Totals since the worker's process started. The four durations add up to the time that its steps took: what is sent, read or
 * waited for while a gradient is being computed costs none, and counts as computing.
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
  /** Of the step that is being made. */
  #began = 0;
  #computeSeconds = 0;
  #transfers = { push: 0, pull: 0 };
  #isComputing = false;
  /** When it began to compute, or ceased to. */
  #changed = 0;

  /** A step begins. */
  begin(): void {
    this.#began = performance.now();
    this.#changed = this.#began;
    this.#isComputing = false;
    this.#computeSeconds = 0;
    this.#transfers = { push: 0, pull: 0 };
  }

  /** The gradient, or a part of it, is computed from now on. */
  computes(): void {
    this.#changed = performance.now();
    this.#isComputing = true;
  }

  /** It is computed; what follows is the exchange with the servers. */
  computed(): void {
    const now = performance.now();
    this.#computeSeconds += secondsBetween(this.#changed, now);
    this.#changed = now;
    this.#isComputing = false;
  }

  /**
   * The step is made. One that is begun and not ended, because the servers were elsewhere, is not counted.
   * @param step.lossSum the training loss in nats, summed over its tokens
   * @param step.staleness updates that others made between the parameters it was computed from and its own
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
    // For the other workers, and for the servers' update.
    this.#add('waitSeconds', Math.max(0, exchange - push - pull));
  }

  /**
   * This worker has sent gradients, or was sent parameters, until now.
   * @param began as `performance.now()` said
   * @param share of the time: shards are served at once, and each counts its part
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

/** What a message says; a count that is missing, or can be none, is 0. */
export function readReport(given: Partial<Record<keyof WorkerReport, number | null>> | null | undefined): WorkerReport {
  const counts = reportFields.map((field) => {
    const count = given?.[field] ?? 0;
    return [field, Number.isFinite(count) && count >= 0 ? count : 0];
  });
  return Object.fromEntries(counts) as WorkerReport;
}
