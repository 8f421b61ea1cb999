/** Starts the servers and workers of a run as processes on this machine and follows them to their end. */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectRunStatus } from '@unroll/param-server/client';
import { Waits } from '@unroll/param-server/config';
import { removeReplacedSince } from '@unroll/param-server/server';
import type { RunObserver } from '../dashboard/run-observer.js';
import { Interruption, UnrollError } from '../errors.js';
import { log } from '../terminal/log.js';
import { RunReport, type TrainingResult } from '../training/report.js';
import type { JobRequest } from '../training/request.js';
import { requireShareable, requireStepsLeft } from '../training/requirements.js';
import { Child } from './child.js';
import type { ChildMessage } from './messages.js';
import { tokenVariable } from './token-variable.js';

export interface ClusterOptions {
  readonly workers: number;
  readonly servers: number;
  /** The greatest number of restarts in a row of a process that was killed soon after its start. */
  readonly maxRestarts: number;
  /** The folder for the servers' snapshots. */
  readonly snapshotDir: string;
  /** The flags that every worker gets: they say what to train. */
  readonly workerFlags: readonly string[];
  /** The flags that every server gets, except for its place. */
  readonly serverFlags: readonly string[];
}

/**
 * Time limit for processes to end after the work is done. A server that was killed at the last moment would never end.
 */
const goodbyeSeconds = 5;

async function settledWithin(seconds: number, promises: readonly Promise<void>[]): Promise<void> {
  const timer = new AbortController();
  const late = sleep(seconds * 1000, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([Promise.allSettled(promises), late]);
  timer.abort();
}

type Secrets = Readonly<Record<string, string>>;

const never = new Promise<never>(() => {});

/**
 * Trains with real processes that speak gRPC over loopback. Killed processes are restarted, and the run goes on.
 * @throws UnrollError with the first line that a failed process gave as its reason
 */
export async function launchCluster(
  request: JobRequest,
  options: ClusterOptions,
  observer?: RunObserver,
): Promise<TrainingResult> {
  // Report errors of the request once, here.
  const job = await request.prepare({});
  requireShareable(job, options.workers);
  requireStepsLeft(job);
  const report = new RunReport(request.out, options.workers);
  // Other users of this machine can also reach its loopback address.
  const token = randomBytes(32).toString('hex');
  const secrets = { [tokenVariable]: token };
  const before = await readdir(options.snapshotDir).catch(() => []);
  const say = withoutRepetition(log);
  const waits = new Waits((line) => log(line));
  const servers: Child[] = [];
  const workers: Child[] = [];
  const interrupt = interruption([servers, workers]);
  let begun = (): void => undefined;
  try {
    const listening = startServers(servers, options, secrets, say);
    const addresses = await waits.during('the parameter servers to listen', listening);
    observer?.watch(connectRunStatus(addresses, { token }));
    begun = waits.begin('worker 0 to begin training');
    const finished = startWorkers(
      workers,
      addresses,
      request,
      { ...options, secrets },
      { report, observer, say, begun },
    );
    const children = [...servers, ...workers];
    const failures = children.map(({ ended }) => ended.then(() => never));
    await Promise.race([finished, ...failures, interrupt.requested]);
    await settledWithin(
      goodbyeSeconds,
      children.map(({ ended }) => ended),
    );
    // If all processes were killed at once, worker 0 may have gone on from a checkpoint older than these.
    await removeReplacedSince(options.snapshotDir, before);
    return report.result();
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interruption(interruptedLine(request, options, report), error.signal);
  } finally {
    interrupt.stop();
    begun();
    report.close();
    // A worker has nothing to clean up; a server may be removing its snapshots.
    const stops = [...workers.map((child) => child.stop('SIGKILL')), ...servers.map((child) => child.stop('SIGTERM'))];
    await waits.during('the processes to end', Promise.all(stops));
    await rmdir(options.snapshotDir).catch(() => undefined);
  }
}

/** Resolves with the servers' addresses when all are listening. Restarted servers keep their addresses. */
async function startServers(
  started: Child[],
  options: ClusterOptions,
  secrets: Secrets,
  say: typeof log,
): Promise<string[]> {
  const ports = Array.from({ length: options.servers }, () => 0);
  const listening = ports.map(
    (_, shard) =>
      new Promise<void>((resolve) => {
        const onMessage = (message: ChildMessage): void => {
          if (message.type === 'notice') say(message.line, message.severity);
          if (message.type !== 'listening') return;
          ports[shard] = message.port;
          resolve();
        };
        const args = () => serverArguments(shard, ports[shard]!, options);
        started.push(
          new Child({
            name: `parameter server ${shard}`,
            maxRestarts: options.maxRestarts,
            args,
            environment: serverAllocation,
            secrets,
            mayLeave: false,
            onMessage,
          }),
        );
      }),
  );
  const endedEarly = started.map(({ ended }) => ended.then(() => Promise.reject(new UnrollError(serverEndedEarly))));
  await Promise.race([Promise.all(listening), ...endedEarly]);
  return ports.map((port) => `127.0.0.1:${port}`);
}

/**
 * glibc raises this threshold with every freed buffer, up to 32 MiB, and then keeps message buffers for itself. With a
 * fixed threshold the buffers go back to the system: a server with row tables uses less memory, by about 6 % of its
 * parameters. Workers do not get the variable: their arrays would be new memory at each step, which costs a tenth of
 * their speed. Other C libraries ignore it.
 */
const serverAllocation = { MALLOC_MMAP_THRESHOLD_: `${128 * 1024}` };

const serverEndedEarly = 'a parameter server ended before it listened; run unroll param-server by hand to see why';

function serverArguments(shard: number, port: number, { workers, servers, serverFlags }: ClusterOptions): string[] {
  const place = { port, shard, shards: servers, workers };
  const flags = Object.entries(place).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  return ['param-server', ...flags, ...serverFlags];
}

/** Wraps `say` so that a line that several servers send at once is printed once. */
function withoutRepetition(say: typeof log): typeof log {
  let last = '';
  return (line, severity) => {
    if (line !== last) say(line, severity);
    last = line;
  };
}

/** Callbacks for the workers' messages. */
interface WorkerEvents {
  readonly report: RunReport;
  readonly observer: RunObserver | undefined;
  readonly say: typeof log;
  /** Called when a worker has begun. */
  readonly begun: () => void;
}

/** Resolves when a worker has heard that all have finished. */
function startWorkers(
  started: Child[],
  addresses: readonly string[],
  request: JobRequest,
  { workers, maxRestarts, workerFlags, secrets }: ClusterOptions & { readonly secrets: Secrets },
  { report, observer, say, begun }: WorkerEvents,
): Promise<void> {
  let finish!: () => void;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const threads = request.threads || Math.max(1, Math.floor(availableParallelism() / workers));
  for (let worker = 0; worker < workers; worker++) {
    const place = { 'server-addresses': addresses.join(), worker, workers, threads };
    const placeFlags = Object.entries(place).flatMap(([name, value]) => [`--${name}`, `${value}`]);
    started.push(
      new Child({
        name: `worker ${worker}`,
        maxRestarts,
        secrets,
        mayLeave: true,
        args: (isRestart) => {
          const flags = isRestart ? restartFlags(workerFlags, report.checkpointStep > 0) : workerFlags;
          return ['worker', ...flags, ...placeFlags];
        },
        onMessage: (message) => {
          if (message.type === 'notice') return say(message.line, message.severity);
          if (message.type === 'finished') return finish();
          if (message.type === 'listening' || message.type === 'peer-lost') return;
          begun();
          report.add(message, worker);
          if (worker === 0) observer?.add(message);
        },
      }),
    );
  }
  return finished;
}

/**
 * Returns the flags for a restarted worker: it continues from this run's checkpoint, not from one that the run was to
 * overwrite.
 */
function restartFlags(flags: readonly string[], hasCheckpoint: boolean): readonly string[] {
  if (flags.includes('--overwrite') && !hasCheckpoint) return flags;
  return [...flags.filter((flag) => flag !== '--overwrite' && flag !== '--resume'), '--resume'];
}

class Interrupted extends Error {
  constructor(readonly signal: NodeJS.Signals) {
    super(signal);
  }
}

function interruption(children: readonly (readonly Child[])[]) {
  let interrupt!: (signal: NodeJS.Signals) => void;
  const requested = new Promise<never>((_, reject) => {
    interrupt = (signal) => reject(new Interrupted(signal));
  });
  // Handle its rejection: nobody may be waiting for it any more.
  requested.catch(() => {});
  const kill = () => {
    for (const child of children.flat()) child.kill();
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt).once('exit', kill);
  return {
    requested,
    stop: () => {
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt).off('exit', kill);
    },
  };
}

function interruptedLine({ out }: JobRequest, { snapshotDir }: ClusterOptions, report: RunReport): string {
  const held = report.checkpointStep;
  if (held > 0) return `interrupted; ${out} holds the model after step ${held}: go on with --resume`;
  const hasSnapshots = existsSync(snapshotDir) && readdirSync(snapshotDir).length > 0;
  return hasSnapshots
    ? `interrupted before the first checkpoint; ${snapshotDir} holds snapshots: go on with --resume`
    : 'interrupted before the first checkpoint; nothing was written';
}
