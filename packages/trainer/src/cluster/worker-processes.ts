/** Worker processes that this process starts: all of a launched run, or those of one machine in a run on several. */
import { availableParallelism } from 'node:os';
import type { RunObserver } from '../dashboard/run-observer.js';
import { log } from '../terminal/log.js';
import { RunReport } from '../training/report.js';
import type { RunEvent } from '../training/run.js';
import { Child } from './child.js';
import { type JobData, jobFor, jobVariable } from './job-data.js';

/** An event of one worker. */
export interface WorkerEvent {
  readonly worker: number;
  readonly event: RunEvent;
}

export interface WorkerProcesses {
  /** The index of the first worker that is started here, and how many are. */
  readonly first: number;
  readonly count: number;
  /** The number of workers of the run. */
  readonly workers: number;
  readonly addresses: readonly string[];
  /** The greatest number of restarts in a row of a worker that was killed soon after its start. */
  readonly maxRestarts: number;
  /** Variables that every worker gets. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Further flags of every worker. */
  readonly flags?: readonly string[];
}

/** Receivers of what the workers send. */
export interface WorkerEvents {
  readonly add: (event: WorkerEvent) => void;
  readonly say: typeof log;
  /** Called when a worker has heard that all workers of the run have finished. */
  readonly finish: () => void;
}

/**
 * Starts workers, which divide the cores of this machine unless the job has a number of threads.
 * @param started receives each process as it is started
 */
export function startWorkers(
  started: Child[],
  data: JobData,
  { first, count, workers, addresses, maxRestarts, secrets, flags = [] }: WorkerProcesses,
  { add, say, finish }: WorkerEvents,
): void {
  const { out, threads: given, overwrite } = data.request;
  const threads = given || Math.max(1, Math.floor(availableParallelism() / count));
  let hasCheckpoint = false;
  for (let worker = first; worker < first + count; worker++) {
    const place = { out, 'server-addresses': addresses.join(), worker, workers };
    const args = Object.entries(place).flatMap(([name, value]) => [`--${name}`, `${value}`]);
    // A restarted worker continues from this run's checkpoint, not from one that the run was to overwrite.
    const resumed = () => (overwrite && !hasCheckpoint ? {} : { resume: true, overwrite: false });
    const job = (isRestart: boolean) => jobFor(data, { threads, ...(isRestart ? resumed() : {}) });
    started.push(
      new Child({
        name: `worker ${worker}`,
        maxRestarts,
        secrets: (isRestart) => ({ ...secrets, [jobVariable]: JSON.stringify(job(isRestart)) }),
        mayLeave: true,
        args: () => ['worker', ...args, ...flags],
        onMessage: (message) => {
          if (message.type === 'notice') return say(message.line, message.severity, `worker ${worker}`);
          if (message.type === 'finished') return finish();
          if (message.type === 'listening' || message.type === 'peer-lost') return;
          hasCheckpoint ||= message.type === 'checkpoint';
          add({ worker, event: message });
        },
      }),
    );
  }
}

/**
 * Runs the workers of this machine until each has left the run, and shows their events.
 * @param signal makes them leave the run; the others of the run go on, or wait for them
 * @throws UnrollError with the first line that a failed worker gave as its reason
 */
export async function runLocalWorkers(
  data: JobData,
  processes: WorkerProcesses,
  observer: RunObserver | undefined,
  signal: AbortSignal,
): Promise<RunReport> {
  const { first, workers: all } = processes;
  const report = new RunReport(data.request.out, all, first > 0 ? first : undefined);
  const workers: Child[] = [];
  const kill = () => {
    for (const worker of workers) worker.kill();
  };
  const leave = () => void Promise.all(workers.map((worker) => worker.stop('SIGTERM')));
  process.once('exit', kill);
  signal.addEventListener('abort', leave, { once: true });
  try {
    startWorkers(workers, data, processes, {
      add: ({ worker, event }) => {
        report.add(event, worker);
        if (worker === 0) observer?.add(event);
      },
      say: log,
      finish: () => undefined,
    });
    await Promise.all(workers.map(({ ended }) => ended));
    return report;
  } finally {
    signal.removeEventListener('abort', leave);
    process.off('exit', kill);
    report.close();
    await Promise.all(workers.map((worker) => worker.stop('SIGTERM')));
  }
}
