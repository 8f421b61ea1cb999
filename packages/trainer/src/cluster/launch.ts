/** Starts the servers and workers of a run as processes on this machine and follows them to their end. */
import { randomBytes } from 'node:crypto';
import { readdir, rmdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectRunStatus, type RunStatusReader } from '@unroll/param-server/client';
import { Waits } from '@unroll/param-server/config';
import { removeReplacedSince } from '@unroll/param-server/server';
import { UnrollError } from '../errors.js';
import { log } from '../terminal/log.js';
import { requireShareable } from '../training/requirements.js';
import { Child } from './child.js';
import { deferred, EventQueue } from './event-queue.js';
import { type JobData, requestOf } from './job-data.js';
import type { ChildMessage } from './messages.js';
import { tokenVariable } from './token-variable.js';
import { startWorkers, type WorkerEvent } from './worker-processes.js';

export interface ClusterOptions {
  readonly workers: number;
  readonly servers: number;
  /** The greatest number of restarts in a row of a process that was killed soon after its start. */
  readonly maxRestarts: number;
  /** The folder for the servers' snapshots. */
  readonly snapshotDir: string;
  /** The flags that every server gets, except for its place. */
  readonly serverFlags: readonly string[];
  /**
   * Ends the run, with a checkpoint if training has begun, and its processes. The generator then ends, too; its caller
   * knows why.
   */
  readonly signal?: AbortSignal | undefined;
  /** Receives the status of the servers and workers, once the servers listen; closes it at the end. */
  readonly onServers?: ((status: RunStatusReader) => void) | undefined;
}

/**
 * Time limit for processes to end after the work is done. A server that was killed at the last moment would never end.
 */
const goodbyeSeconds = 5;

/** Time limit for the news that a run has stopped, once a process has failed. */
const stopSeconds = 2;

async function settledWithin(seconds: number, promises: readonly Promise<void>[]): Promise<void> {
  const timer = new AbortController();
  const late = sleep(seconds * 1000, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([Promise.allSettled(promises), late]);
  timer.abort();
}

type Secrets = Readonly<Record<string, string>>;

const never = new Promise<never>(() => {});

/**
 * Trains with real processes that speak gRPC over loopback, and yields the events of all workers. Killed processes are
 * restarted, and the run goes on. Leaving the loop ends the processes.
 * @throws UnrollError with the first line that a failed process gave as its reason
 */
export async function* launchCluster(
  data: JobData,
  options: ClusterOptions,
): AsyncGenerator<WorkerEvent, void, undefined> {
  const request = await requestOf(data);
  // Report errors of the request once, here.
  const job = await request.prepare({ signal: options.signal });
  requireShareable(job, options.workers);
  // Other users of this machine can also reach its loopback address.
  const token = randomBytes(32).toString('hex');
  const secrets = { [tokenVariable]: token };
  const before = await readdir(options.snapshotDir).catch(() => []);
  const say = withoutRepetition(log);
  const waits = new Waits((line) => log(line));
  const servers: Child[] = [];
  const workers: Child[] = [];
  const events = new EventQueue<WorkerEvent>();
  const interrupt = interruption([servers, workers], options.signal);
  let begun = (): void => undefined;
  try {
    const listening = startServers(servers, options, secrets, say);
    const addresses = await waits.during(
      'the parameter servers to listen',
      Promise.race([listening, interrupt.requested]),
    );
    options.onServers?.(connectRunStatus(addresses, { token }));
    begun = waits.begin('worker 0 to begin training');
    const { promise: finished, resolve: finish } = deferred();
    const { workers: count, maxRestarts } = options;
    const add = (event: WorkerEvent) => {
      begun();
      if (event.event.type === 'start') interrupt.hasBegun(workers);
      events.add(event);
    };
    startWorkers(
      workers,
      data,
      { first: 0, count, workers: count, addresses, maxRestarts, secrets },
      { add, say, finish },
    );
    const children = [...servers, ...workers];
    const failures = children.map(({ ended }) => ended.then(() => never));
    const failure = Promise.race(failures).catch(async (error: unknown) => {
      // While a run is being stopped, the others fail because the chief has left.
      if (options.signal?.aborted) await settledWithin(stopSeconds, [finished]);
      throw error;
    });
    events.endWith(Promise.race([finished, failure, interrupt.requested]));
    yield* events;
    if (options.signal?.aborted) return;
    await settledWithin(
      goodbyeSeconds,
      children.map(({ ended }) => ended),
    );
    // If all processes were killed at once, worker 0 may have gone on from a checkpoint older than these.
    await removeReplacedSince(options.snapshotDir, before);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    interrupt.stop();
    begun();
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
          if (message.type === 'notice') say(message.line, message.severity, `server ${shard}`);
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
            secrets: () => secrets,
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
  return (line, severity, source) => {
    if (line !== last) say(line, severity, source);
    last = line;
  };
}

class Interrupted extends Error {}

/**
 * Watches for the signal to end the run, and kills the children if this process exits. Before training has begun,
 * `requested` rejects at once; after that, the workers are asked to stop: the chief writes a checkpoint and finishes.
 */
function interruption(children: readonly (readonly Child[])[], signal: AbortSignal | undefined) {
  let training: readonly Child[] | undefined;
  let interrupt!: () => void;
  const requested = new Promise<never>((_, reject) => {
    interrupt = () => {
      if (!training) return reject(new Interrupted());
      for (const worker of training) worker.tell({ type: 'stop' });
    };
  });
  // Handle its rejection: nobody may be waiting for it any more.
  requested.catch(() => {});
  const kill = () => {
    for (const child of children.flat()) child.kill();
  };
  signal?.addEventListener('abort', interrupt, { once: true });
  if (signal?.aborted) interrupt();
  process.once('exit', kill);
  return {
    requested,
    /** A worker has begun to train; called again for one that was restarted. */
    hasBegun: (workers: readonly Child[]) => {
      training = workers;
      if (signal?.aborted) interrupt();
    },
    stop: () => {
      signal?.removeEventListener('abort', interrupt);
      process.off('exit', kill);
    },
  };
}
