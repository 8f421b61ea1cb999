/** Starts and stops a shard's process: the listening socket, health, the timer, the shutdown. */
import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, type ServerCredentials, status } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { BulkService } from '../bulk/bulk-service.js';
import { ParameterServerError } from '../errors.js';
import { defaultMaxParameters } from '../hosting/max-parameters.js';
import { parameterServerMethods } from '../hosting/service.js';
import { ShardHost } from '../hosting/shard-host.js';
import { type MetricsEndpoint, serveMetrics } from '../metrics/metrics-endpoint.js';
import { addAttendance, addServerMetrics, countRefusedConnections } from '../metrics/server-metrics.js';
import { ShardMetrics } from '../metrics/shard-metrics.js';
import { WorkerReports } from '../metrics/worker-reports.js';
import { ConnectionGate, gateLimits } from '../security/connection-gate.js';
import { RefusalLog } from '../security/refusal-log.js';
import {
  admission,
  requireGuarded,
  type ServerSecurity,
  serverCredentials,
  tokenGuard,
} from '../security/server-security.js';
import type { Severity } from '../shard/messages.js';
import { noSnapshots } from '../snapshots/snapshot.js';
import { SnapshotFolder } from '../snapshots/snapshot-folder.js';
import { AttentiveClock } from '../time/attentive-clock.js';
import { Waits } from '../time/waits.js';
import { sgdUpdateRule } from '../update-rules/sgd-update-rule.js';
import type { UpdateRuleFactory } from '../update-rules/update-rule.js';
import { maxMessageBytes, parameterServerService, serviceName } from '../wire/service-definition.js';
import { tuneHttp2Server } from './http2-server.js';

export interface ParameterServerOptions {
  /** The address to listen on. Use `0.0.0.0` or `::` to serve other machines; {@link security} is then required. */
  readonly host?: string;
  /** 0 for any free port. */
  readonly port: number;
  /** The index of the shard that this server holds, in `[0, shards)`. */
  readonly shard?: number;
  readonly shards?: number;
  /** The number of workers that train. */
  readonly workers: number;
  /** The guard against strangers, and the encryption of the traffic. By default everybody is let in, unencrypted. */
  readonly security?: ServerSecurity;
  /**
   * Allows serving other machines without TLS and without a token: anyone who reaches the port can read and change the
   * run.
   */
  readonly insecurePublic?: boolean;
  /** The version of Unroll; workers of another version are refused. */
  readonly version: string;
  /**
   * The run goes on with at least this many workers, and the lanes are dealt anew when a worker comes or goes. By
   * default all are needed.
   */
  readonly minWorkers?: number;
  /**
   * The number of slowest workers whose gradients a step may leave out; 0 by default. All servers must have the same
   * value. Cannot be combined with `minWorkers`.
   */
  readonly backupWorkers?: number;
  /**
   * The greatest number of parameters and lane states that a model may have on this server; 2^28 by default. A message
   * of a few bytes describes a model, so without a bound it could fill the memory.
   */
  readonly maxParameters?: number;
  /** A worker that is silent for longer than this, in seconds, is reported as awaited. */
  readonly leaseSeconds?: number;
  /**
   * A worker that is silent for longer than this, in seconds, is lost. Its lanes go to the others; if fewer than
   * `minWorkers` are left, requests that wait for the worker are refused.
   */
  readonly workerTimeoutSeconds?: number;
  /** @deprecated The former name of {@link workerTimeoutSeconds}. */
  readonly patienceSeconds?: number;
  /** Location of this shard's snapshots; other shards may use the same folder. By default none are taken. */
  readonly snapshots?: SnapshotOptions;
  /** The port for `GET /metrics` in Prometheus's format, unencrypted; 0 for any free port. By default there is none. */
  readonly metricsPort?: number;
  /** The address of {@link metricsPort}. By default only this machine can read it, because it is unguarded. */
  readonly metricsHost?: string;
  /** Receives lines for the person who runs the training: who is awaited, who is slow, what could not be written. */
  readonly onNotice?: (line: string, severity: Severity) => void;
}

export interface SnapshotOptions {
  readonly folder: string;
  /** The number of updates between two snapshots; all servers must have the same value. */
  readonly every: number;
  /** The number of latest snapshots to keep; at least {@link fewestSnapshots}. */
  readonly keep: number;
}

/** How a server ended: training was done, all workers left before that, or {@link ParameterServer.close} was called. */
export type ServerEnd = 'finished' | 'abandoned' | 'stopped';

/** A running server. */
export interface ParameterServer extends AsyncDisposable {
  readonly port: number;
  /** The port of `GET /metrics`, if it was requested. */
  readonly metricsPort: number | undefined;
  /** Resolves when the server has stopped. */
  readonly done: Promise<ServerEnd>;
  /**
   * Stops the server: reports itself as not serving, refuses calls that wait for workers with UNAVAILABLE, and lets
   * pulls in flight finish. Call it on SIGTERM.
   */
  close(): Promise<void>;
}

/** How long calls in flight may take to finish when the server stops. */
const shutdownGraceMs = 5_000;

/**
 * Serves one shard of a training run. The server learns the model and its optimizer from the first worker that joins.
 * @throws ParameterServerError if the address cannot be listened on, if other machines can reach it and nothing guards
 *   it, or if the certificates cannot be used; Error if the snapshots' folder cannot be written or `shard` is not in
 *   `[0, shards)`
 */
export async function startParameterServer({
  host = '127.0.0.1',
  port,
  shard = 0,
  shards = 1,
  workers,
  version,
  security = {},
  insecurePublic = false,
  minWorkers = workers,
  backupWorkers = 0,
  maxParameters = defaultMaxParameters,
  leaseSeconds = 15,
  patienceSeconds,
  workerTimeoutSeconds = patienceSeconds ?? 600,
  snapshots,
  metricsPort,
  metricsHost = '127.0.0.1',
  onNotice = () => undefined,
}: ParameterServerOptions): Promise<ParameterServer> {
  if (!(shard >= 0 && shard < shards)) throw new Error(`shard ${shard} is out of range: there are ${shards} shards`);
  if (patienceSeconds !== undefined) {
    onNotice('patienceSeconds: is now workerTimeoutSeconds; give that name', 'warning');
  }
  if (!insecurePublic) requireGuarded(host, security);
  const credentials = serverCredentials(security.tls);
  const place = { version, workers, shard, shards };
  const tickSeconds = Math.min(1, leaseSeconds / 4);
  const clock = new AttentiveClock({
    now: () => performance.now() / 1000,
    readEvery: tickSeconds,
    onPause: (seconds) => seconds > leaseSeconds && onNotice(stoodStill(seconds), 'warning'),
  });
  const now = () => clock.now;
  const reports = new WorkerReports(now);
  const metrics = metricsPort === undefined ? undefined : new ShardMetrics(place, reports, now);
  const waits = new Waits((line) => onNotice(line, 'info'));
  const openSnapshots = ({ folder, keep }: SnapshotOptions): Promise<SnapshotFolder> => {
    const place = port === 0 ? undefined : `${hostname()}:${port}`;
    const onWait = (holder: string) => waits.begin(`${holder} to leave ${folder}`);
    const opened = SnapshotFolder.open({ folder, keep, shard, shards, place, onWait }, onNotice);
    return waits.during(`the snapshots in ${folder}`, opened);
  };
  const folder = snapshots && (await openSnapshots(snapshots));
  const shardHost = new ShardHost({
    place,
    watcher: metrics,
    policy: {
      ...{ minWorkers, backupWorkers, leaseSeconds, patienceSeconds: workerTimeoutSeconds, maxParameters },
      snapshotEvery: snapshots?.every ?? 0,
    },
    createRule,
    snapshots: folder ?? noSnapshots,
    waits,
    now,
    onNotice,
  });
  const admits = admission(security.token);
  const refusals = new RefusalLog(
    (line) => onNotice(line, 'warning'),
    (thing) => thing === 'call' && metrics?.countRefusal('unauthenticated'),
  );
  const server = new Server({
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.max_concurrent_streams': callsAtOnce,
    interceptors: security.token === undefined ? [] : [tokenGuard(admits, refusals)],
  });
  const bulk = new BulkService(shardHost, admits, refusals);
  const countRefused = metrics && countRefusedConnections(metrics.registry);
  const sockets = tuneHttp2Server(server, {
    ...{ gate: new ConnectionGate(gateLimits(workers), refusals, countRefused), admits, refusals },
    onBulk: (socket, first, visit) => bulk.serve(socket, first, visit),
  });
  server.addService(parameterServerService, parameterServerMethods(shardHost, reports));
  const health = new HealthImplementation({ '': 'SERVING', [serviceName]: 'SERVING' });
  health.addToServer(server);
  if (metrics) {
    const connections = () => sockets().length + bulk.connections;
    const state = { connections, waiting: () => shardHost.waiting, snapshotEvery: snapshots?.every ?? 0 };
    addServerMetrics(metrics.registry, state);
    if (shard === 0) addAttendance(metrics.registry, workers, leaseSeconds, reports);
  }
  let endpoint: MetricsEndpoint | undefined;
  const giveUp = async (error: unknown): Promise<never> => {
    endpoint?.close();
    await folder?.[Symbol.asyncDispose]();
    throw error;
  };
  if (metrics) endpoint = await serveMetrics(metrics.registry, metricsHost, metricsPort!, refusals).catch(giveUp);
  const boundPort = await listen(server, host, port, credentials).catch(giveUp);
  const stopTicking = tick(shardHost, waits, tickSeconds);

  let requestStop!: (end: 'stopped') => void;
  const stopRequested = new Promise<'stopped'>((resolve) => {
    requestStop = resolve;
  });
  const stop = async (): Promise<void> => {
    stopTicking();
    waits.observe(undefined);
    for (const service of ['', serviceName]) health.setStatus(service, 'NOT_SERVING');
    shardHost.tell({ type: 'drain' });
    await shutDown(server, bulk, sockets);
    refusals.close();
    endpoint?.close();
    // A disk may hang.
    await Promise.race([folder?.[Symbol.asyncDispose](), sleep(shutdownGraceMs, undefined, { ref: false })]);
  };
  const ended = shardHost.finished.then((isComplete): ServerEnd => (isComplete ? 'finished' : 'abandoned'));
  const done = Promise.race([ended, stopRequested]).then(async (end) => {
    await stop();
    return end;
  });
  const close = async (): Promise<void> => {
    requestStop('stopped');
    await done;
  };
  return { port: boundPort, metricsPort: endpoint?.port, done, close, [Symbol.asyncDispose]: close };
}

/** The limit for one connection; a worker has a handful of calls at once. */
const callsAtOnce = 16;

const createRule: UpdateRuleFactory = async (model, length) => {
  if (model.optimizer.name === 'sgd') return sgdUpdateRule(model.clipNorm);
  // Import it here: importing this package's client must not load ONNX Runtime.
  const { createOnnxUpdateRule } = await import('../update-rules/onnx-update-rule.js');
  return createOnnxUpdateRule(model, length);
};

function listen(server: Server, host: string, port: number, credentials: ServerCredentials): Promise<number> {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, boundPort) => {
      if (!error) return resolve(boundPort);
      const remedy = /EADDRINUSE/.test(error.message) ? 'is the port taken?' : 'give an address of this machine';
      const message = `cannot listen on ${address} (${error.message}); ${remedy}`;
      reject(new ParameterServerError(status.UNAVAILABLE, message));
    });
  });
}

function stoodStill(seconds: number): string {
  const time = `this server stood still for ${Math.round(seconds)} s`;
  return `${time}: it was stopped, or its machine was paused or overloaded; that does not count as the workers' silence`;
}

/** Updates what the heart waits for and tells it that time passes. */
function tick(host: ShardHost, waits: Waits, seconds: number): () => void {
  const timer = setInterval(() => {
    host.tell({ type: 'tick' });
    waits.observe(host.awaited);
  }, 1000 * seconds);
  return () => clearInterval(timer);
}

/**
 * Lets calls end, then closes whatever is left, such as connections that never spoke HTTP/2 and are unknown to gRPC.
 */
async function shutDown(server: Server, bulk: BulkService, sockets: () => readonly Socket[]): Promise<void> {
  const ended = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  let force: NodeJS.Timeout | undefined;
  // gRPC waits forever for a session that broke off before it was established.
  const forced = new Promise<void>((resolve) => {
    force = setTimeout(() => {
      server.forceShutdown();
      bulk.destroy();
      for (const socket of sockets()) socket.destroy();
      resolve();
    }, shutdownGraceMs);
  });
  await Promise.race([Promise.all([ended, bulk.finish()]), forced]);
  clearTimeout(force);
}
