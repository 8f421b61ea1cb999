/** Starts and stops the process side of a shard: the listening socket, health, the ticking of time, the shutdown. */
import type { Socket } from 'node:net';
import { Server, type ServerCredentials, status } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { BulkService } from './bulk/bulk-service.js';
import { ParameterServerError } from './client/errors.js';
import { tuneHttp2Server } from './http2-server.js';
import { serveMetrics } from './metrics/metrics-endpoint.js';
import { addAttendance, addServerMetrics, countRefusedConnections } from './metrics/server-metrics.js';
import { ShardMetrics } from './metrics/shard-metrics.js';
import { WorkerReports } from './metrics/worker-reports.js';
import { ConnectionGate, gateLimits } from './security/connection-gate.js';
import { RefusalLog } from './security/refusal-log.js';
import {
  admission,
  requireGuarded,
  type ServerSecurity,
  serverCredentials,
  tokenGuard,
} from './security/server-security.js';
import { parameterServerMethods } from './service.js';
import { maxMessageBytes, parameterServerService, serviceName } from './service-definition.js';
import { sgdUpdateRule } from './sgd-update-rule.js';
import type { Severity } from './shard/messages.js';
import { ShardHost } from './shard-host.js';
import { noSnapshots } from './snapshots/snapshot.js';
import { SnapshotFolder } from './snapshots/snapshot-folder.js';
import type { UpdateRuleFactory } from './update-rule.js';
import { Waits } from './waits.js';

export interface ParameterServerOptions {
  /** The address to listen on; `0.0.0.0` or `::` to serve other machines, for which there must be {@link security}. */
  readonly host?: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Which shard this server holds, in `[0, shards)`. */
  readonly shard?: number;
  readonly shards?: number;
  /** How many workers train. */
  readonly workers: number;
  /** Who is let in, and whether the traffic is encrypted; by default everybody, and it is not. */
  readonly security?: ServerSecurity;
  /** Serves other machines without TLS and without a token: whoever reaches the port can read and change the run. */
  readonly insecurePublic?: boolean;
  /** The version of Unroll; workers of another version are refused. */
  readonly version: string;
  /** The run goes on with so few, and their lanes are dealt anew when one comes or goes; by default it needs all. */
  readonly minWorkers?: number;
  /**
   * A step is made without the gradients of so many, the slowest; 0 unless given. All servers must have the same. Not
   * together with `minWorkers`.
   */
  readonly backupWorkers?: number;
  /** A worker that is silent for longer is reported as awaited. */
  readonly leaseSeconds?: number;
  /**
   * A worker that is silent for longer is lost: its lanes go to the others or, where fewer than `minWorkers` are left,
   * those that wait for it are refused.
   */
  readonly patienceSeconds?: number;
  /** Where this shard's snapshots are; other shards may have theirs there too. By default none are taken. */
  readonly snapshots?: SnapshotOptions;
  /** Where `GET /metrics` is answered for Prometheus, unencrypted; 0 for any free port. By default nowhere. */
  readonly metricsPort?: number;
  /** The address of {@link metricsPort}: by default only this machine reads there, for nothing guards it. */
  readonly metricsHost?: string;
  /** Takes lines for the person who runs the training: who is awaited, who is slow, what could not be written. */
  readonly onNotice?: (line: string, severity: Severity) => void;
}

export interface SnapshotOptions {
  readonly folder: string;
  /** Updates between two snapshots; all servers must have the same. */
  readonly every: number;
  /** How many of the last are kept: at least {@link fewestSnapshots}. */
  readonly keep: number;
}

/** How a server ended: training was done, all workers left before that, or {@link ParameterServer.close} was called. */
export type ServerEnd = 'finished' | 'abandoned' | 'stopped';

/** A running server. */
export interface ParameterServer extends AsyncDisposable {
  readonly port: number;
  /** Of `GET /metrics`, if it was asked for. */
  readonly metricsPort: number | undefined;
  /** Resolves when the server has stopped. */
  readonly done: Promise<ServerEnd>;
  /**
   * Stops: reports itself as not serving, refuses what waits for workers with UNAVAILABLE, lets pulls in flight finish.
   * Call it on SIGTERM.
   */
  close(): Promise<void>;
}

/** How long calls in flight may take to finish when the server stops. */
const shutdownGraceMs = 5_000;

/**
 * Serves one shard of a training run. The model and its optimizer are learnt from the first worker that joins.
 * @throws ParameterServerError if the address cannot be listened on, other machines can reach it and nothing guards it, or
 *   the certificates cannot be used; Error if the snapshots' folder cannot be written or `shard` is not in `[0, shards)`.
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
  leaseSeconds = 15,
  patienceSeconds = 600,
  snapshots,
  metricsPort,
  metricsHost = '127.0.0.1',
  onNotice = () => undefined,
}: ParameterServerOptions): Promise<ParameterServer> {
  if (!(shard >= 0 && shard < shards)) throw new Error(`shard ${shard} is out of range: there are ${shards} shards`);
  if (!insecurePublic) requireGuarded(host, security);
  const credentials = serverCredentials(security.tls);
  const place = { version, workers, shard, shards };
  const now = () => performance.now() / 1000;
  const reports = new WorkerReports(now);
  const metrics = metricsPort === undefined ? undefined : new ShardMetrics(place, reports);
  const waits = new Waits((line) => onNotice(line, 'info'));
  const openSnapshots = ({ folder, keep }: SnapshotOptions): Promise<SnapshotFolder> =>
    waits.during(`the snapshots in ${folder}`, SnapshotFolder.open({ folder, keep, shard, shards }, onNotice));
  const shardHost = new ShardHost({
    place,
    watcher: metrics,
    policy: { minWorkers, backupWorkers, leaseSeconds, patienceSeconds, snapshotEvery: snapshots?.every ?? 0 },
    createRule,
    snapshots: snapshots ? await openSnapshots(snapshots) : noSnapshots,
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
  const endpoint = metrics && (await serveMetrics(metrics.registry, metricsHost, metricsPort!, refusals));
  const boundPort = await listen(server, host, port, credentials).catch((error: unknown) => {
    endpoint?.close();
    throw error;
  });
  const stopTicking = tick(shardHost, waits, leaseSeconds);

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

/** Of one connection: a worker has a handful. */
const callsAtOnce = 64;

const createRule: UpdateRuleFactory = async (model, length) => {
  if (model.optimizer.name === 'sgd') return sgdUpdateRule(model.clipNorm);
  // Importing this package's client must not load ONNX Runtime.
  const { createOnnxUpdateRule } = await import('./onnx-update-rule.js');
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

/** Looks what the heart waits for, and tells it that time passes, unless this process itself was stalled: then it is not the workers who were silent. */
function tick(host: ShardHost, waits: Waits, leaseSeconds: number): () => void {
  const interval = Math.min(1000, (leaseSeconds * 1000) / 4);
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    if (now - last < 2 * interval) host.tell({ type: 'tick' });
    last = now;
    waits.observe(host.awaited);
  }, interval);
  return () => clearInterval(timer);
}

/** Lets calls end; then ends what is left, such as connections that never spoke HTTP/2 and that gRPC knows nothing of. */
async function shutDown(server: Server, bulk: BulkService, sockets: () => readonly Socket[]): Promise<void> {
  const ended = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  let force: NodeJS.Timeout | undefined;
  // gRPC waits for ever for a session that broke off before it was one.
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
