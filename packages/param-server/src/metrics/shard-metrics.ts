/** Counts a shard's activity for Prometheus. It watches the shell around the heart and decides nothing. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ShardPlace } from '../shard/agreement.js';
import type { ShardEffect, UnnumberedRequest } from '../shard/messages.js';
import type { ShardWatcher } from './shard-watcher.js';
import { addWorkerMetrics } from './worker-metrics.js';
import type { WorkerReports } from './worker-reports.js';

/** Updates of other workers: none, a few, many. */
const stalenessBuckets = [0, 1, 2, 4, 8, 16, 32, 64];

/** From 100 µs, for a small shard's sum, to 10 s. */
const secondsBuckets = [1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];

/** Gauges of prom-client that promtool rejects as named like counters. The equivalents by kind of resource stay. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

export class ShardMetrics implements ShardWatcher {
  /** The counts, and Node's own metrics: CPU, memory, the event loop's lag. */
  readonly registry = new Registry();
  readonly #workers: number;
  readonly #step: Gauge;
  readonly #updates: Counter;
  readonly #gradients: Counter;
  readonly #addSeconds: Histogram;
  readonly #staleness: Histogram;
  readonly #learningRate: Gauge;
  readonly #snapshots: Counter;
  readonly #snapshotFailures: Counter<'operation'>;
  readonly #snapshotStep: Gauge;
  readonly #restores: Counter;
  readonly #refusals: Counter<'code'>;
  /** When each worker was last heard. */
  readonly #heardAt = new Map<number, number>();
  readonly #now: () => number;
  #snapshotAt: number;

  /** @param now returns the time in seconds from any origin */
  constructor({ shard, workers }: ShardPlace, reports: WorkerReports, now: () => number) {
    this.#workers = workers;
    this.#now = now;
    this.#snapshotAt = now();
    const registers = [this.registry];
    const counter = (name: string, help: string) => new Counter({ name: `unroll_${name}_total`, help, registers });
    const gauge = (name: string, help: string) => new Gauge({ name: `unroll_${name}`, help, registers });
    this.registry.setDefaultLabels({ shard: String(shard) });
    collectDefaultMetrics({ register: this.registry });
    for (const name of misnamed) this.registry.removeSingleMetric(name);
    if (shard === 0) addWorkerMetrics(this.registry, reports);
    this.#step = gauge('step', 'How many updates the parameters have in them, or soon will; 0 before the first here.');
    this.#learningRate = gauge('learning_rate', 'The learning rate of the last update.');
    this.#updates = counter('updates', 'Updates of the parameters, those computed again after a restart included.');
    this.#gradients = counter('gradients', 'Gradients of workers that were added.');
    this.#snapshots = counter('snapshots', 'Snapshots that were written.');
    this.#snapshotStep = gauge(
      'snapshot_step',
      'The step of the last snapshot that was written, or gone back to; 0 before the first.',
    );
    const snapshotAge = () => now() - this.#snapshotAt;
    // Ages, not times of day: the clocks of this machine and of Prometheus may differ.
    new Gauge({
      name: 'unroll_snapshot_age_seconds',
      help: 'How long ago this process last wrote a snapshot, or started if it has written none.',
      registers,
      collect() {
        this.set(snapshotAge());
      },
    });
    this.#snapshotFailures = new Counter({
      ...{ name: 'unroll_snapshot_failures_total', help: 'Snapshots that could not be written or read.', registers },
      labelNames: ['operation'],
    });
    for (const operation of ['read', 'write']) this.#snapshotFailures.inc({ operation }, 0);
    this.#restores = counter('restores', 'How often the shard read a snapshot to go back to it.');
    this.#addSeconds = new Histogram({
      ...{
        name: 'unroll_add_seconds',
        help: 'How long adding one gradient takes.',
        buckets: secondsBuckets,
        registers,
      },
    });
    this.#staleness = new Histogram({
      ...{
        name: 'unroll_staleness_updates',
        help: 'How many updates of others a gradient had not seen when it was applied.',
        buckets: stalenessBuckets,
        registers,
      },
    });
    this.#refusals = new Counter({
      ...{ name: 'unroll_refusals_total', help: 'Requests that were refused, by gRPC’s code.', registers },
      labelNames: ['code'],
    });
    const heardAt = this.#heardAt;
    new Gauge({
      ...{ name: 'unroll_worker_silent_seconds', help: 'How long ago each worker was last heard of.', registers },
      labelNames: ['worker'],
      collect() {
        for (const [worker, at] of heardAt) this.set({ worker: String(worker) }, now() - at);
      },
    });
  }

  asked({ caller: { worker } }: UnnumberedRequest): void {
    // The index is unverified: only values in range become labels.
    if (worker < this.#workers) this.#heardAt.set(worker, this.#now());
  }

  did(effect: ShardEffect, seconds: number): void {
    switch (effect.type) {
      case 'add':
        this.#gradients.inc();
        this.#addSeconds.observe(seconds);
        break;
      case 'update':
        this.#updates.inc();
        this.#step.set(effect.step);
        this.#learningRate.set(effect.learningRate);
        this.#staleness.observe(effect.staleness);
        break;
      case 'refuse':
        this.#refusals.inc({ code: effect.code });
        break;
    }
  }

  /** Counts a call that was refused before it came to the shard. */
  countRefusal(code: 'unauthenticated'): void {
    this.#refusals.inc({ code });
  }

  wroteSnapshot(step: number): void {
    this.#snapshots.inc();
    this.#snapshotStep.set(step);
    this.#snapshotAt = this.#now();
  }

  readSnapshot(step: number): void {
    this.#restores.inc();
    this.#snapshotStep.set(step);
  }

  failedSnapshot(operation: 'read' | 'write'): void {
    this.#snapshotFailures.inc({ operation });
  }
}
