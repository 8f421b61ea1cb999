/** Prometheus gauges of a server's current state: its connections, its waiting calls, and the workers present. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { RefusalReason } from '../security/connection-gate.js';
import type { Request } from '../shard/messages.js';
import type { WorkerReports } from './worker-reports.js';

export interface ServerState {
  /** The number of open connections. */
  readonly connections: () => number;
  /** The number of calls that wait for an answer, by type. */
  readonly waiting: () => ReadonlyMap<Request['type'], number>;
  /** The number of updates between two snapshots; 0 takes none. */
  readonly snapshotEvery: number;
}

/** The calls that may wait for others; all other calls are answered at once. */
const waitingCalls: readonly Request['type'][] = ['join', 'initialize', 'restore', 'push', 'commit', 'pull', 'finish'];

export function addServerMetrics(registry: Registry, { connections, waiting, snapshotEvery }: ServerState): void {
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      ...{ name: `unroll_${name}`, help, registers: [registry] },
      collect() {
        this.set(value());
      },
    });
  gauge('connections', 'Connections that are open.', connections);
  gauge('snapshot_every_steps', 'Updates between two snapshots; 0 for none.', () => snapshotEvery);
  new Gauge({
    ...{ name: 'unroll_waiting_calls', help: 'Calls that wait for other workers, the disk or an update.' },
    ...{ labelNames: ['call'], registers: [registry] },
    collect() {
      const counts = waiting();
      for (const call of waitingCalls) this.set({ call }, counts.get(call) ?? 0);
    },
  });
}

/** Adds the number of workers in the run, and of those heard within a lease. Used on the first shard. */
export function addAttendance(registry: Registry, workers: number, leaseSeconds: number, reports: WorkerReports): void {
  new Gauge({ name: 'unroll_workers', help: 'Workers that the run was started for.', registers: [registry] }).set(
    workers,
  );
  new Gauge({
    ...{ name: 'unroll_workers_alive', help: 'Workers that were heard of within a lease and have not left.' },
    registers: [registry],
    collect() {
      this.set(reports.workers.filter(({ left, silentSeconds }) => !left && silentSeconds <= leaseSeconds).length);
    },
  });
}

/** @returns a function that counts a refused connection: beyond the limit, or without a call that lets it in */
export function countRefusedConnections(registry: Registry): (reason: RefusalReason) => void {
  const counter = new Counter({
    ...{ name: 'unroll_connections_refused_total', registers: [registry], labelNames: ['reason'] },
    help: 'Connections that were closed: beyond the limit, or without a call that lets them in.',
  });
  for (const reason of ['limit', 'no-call']) counter.inc({ reason }, 0);
  return (reason) => counter.inc({ reason });
}
