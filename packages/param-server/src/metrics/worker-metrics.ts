/** The workers' own reports, for Prometheus. Each worker counts for itself, so a restarted worker begins at 0 again. */
import { Counter, type Registry } from 'prom-client';
import type { WorkerReport } from './worker-meter.js';
import type { WorkerReports } from './worker-reports.js';

type Field = keyof WorkerReport;

/** Adds a worker's steps, tokens, seconds by phase and bytes by direction to the registry. */
export function addWorkerMetrics(registry: Registry, reports: WorkerReports): void {
  const count = (name: string, help: string, label: string | undefined, fields: Readonly<Record<string, Field>>) =>
    new Counter({
      name: `unroll_worker_${name}_total`,
      help,
      labelNames: label === undefined ? ['worker'] : ['worker', label],
      registers: [registry],
      collect() {
        this.reset();
        for (const { worker, report } of reports.workers) {
          for (const [value, field] of Object.entries(fields)) {
            this.inc({ worker: String(worker), ...(label === undefined ? {} : { [label]: value }) }, report[field]);
          }
        }
      },
    });
  count('steps', 'Steps that each worker has made.', undefined, { steps: 'steps' });
  count('tokens', 'Training tokens that each worker has computed.', undefined, { tokens: 'tokens' });
  count('loss_nats', 'The training loss, summed over those tokens.', undefined, { loss: 'lossSum' });
  count('seconds', 'Where the time of each worker’s steps went.', 'phase', {
    compute: 'computeSeconds',
    push: 'pushSeconds',
    wait: 'waitSeconds',
    pull: 'pullSeconds',
  });
  count('staleness', 'Updates of others that each worker’s gradients came late for.', undefined, {
    staleness: 'stalenessSum',
  });
  count('bytes', 'What each worker has sent to servers and received from them.', 'direction', {
    sent: 'sentBytes',
    received: 'receivedBytes',
  });
}
