/** `unroll worker` and `unroll param-server`: the processes of a distributed run, one at a time, on any machine. */
import { counted } from '@unroll/param-server/config';
import type { Command } from 'commander';
import { requireSpareable, type ServerPolicy } from '../cluster/cluster-options.js';
import { notify, reportTo } from '../cluster/messages.js';
import { parseServerAddresses } from '../cluster/server-addresses.js';
import { type ObserverChoice, openObserver } from '../dashboard/open-observer.js';
import { Interruption, UnrollError, UsageError } from '../errors.js';
import { interruptible } from '../terminal/interrupt.js';
import { log, nameInLog } from '../terminal/log.js';
import { nonNegativeInteger, positiveInteger } from '../terminal/number-arguments.js';
import { runOfServers } from '../training/server-places.js';
import { version } from '../version.js';
import { addServerPolicyFlags } from './cluster-flags.js';
import { addJobFlags, type JobFlags, jobData } from './job-request.js';
import { addObserverFlags, addPublicPageFlag } from './observer-flags.js';
import { addExamples, addMetricsFlags, hostName, logFormatOption, type MetricsFlags, portOrAny } from './options.js';
import {
  addGuardFlags,
  addSecurityFlags,
  clientSecurity,
  type GuardFlags,
  type SecurityFlags,
  serverSecurity,
} from './security-flags.js';
import { printTrainingResult } from './train.js';

export interface LocalWorkerFlags {
  localWorkers?: number;
  maxRestarts?: number;
}

export interface WorkerFlags extends JobFlags, SecurityFlags, ObserverChoice, LocalWorkerFlags {
  serverAddresses: readonly string[];
  worker: number;
  workers: number;
  serverTimeout: number;
}

/** Adds the flags for several workers on one machine. @param which which of the run's workers they are */
export function addLocalWorkerFlags(command: Command, which: string): Command {
  return command
    .option(
      '--local-workers <n>',
      `start so many workers on this machine, ${which}, which divide its cores and are started again when killed`,
      positiveInteger,
    )
    .option(
      '--max-restarts <n>',
      'how often one of the --local-workers that was killed is started again (default: 10)',
      nonNegativeInteger,
    );
}

export function addWorker(program: Command): void {
  const command = program
    .command('worker')
    .description('run one worker of a distributed training; give every worker the same training flags')
    .requiredOption(
      '--server-addresses <list>',
      'host:port of every parameter server, by shard, separated by commas',
      parseServerAddresses,
    )
    .requiredOption(
      '--worker <i>',
      'the index of this worker, from 0; worker 0 evaluates and writes the checkpoints, and another one if it is lost',
      nonNegativeInteger,
    )
    .requiredOption('--workers <n>', 'how many workers there are', positiveInteger)
    .option('--server-timeout <seconds>', 'give up servers that do not answer for so long', positiveInteger, 600);
  addLocalWorkerFlags(command, 'from --worker on');
  addPublicPageFlag(addObserverFlags(addJobFlags(addSecurityFlags(command)))).action((flags: WorkerFlags) =>
    work(flags, command),
  );
  addExamples(
    command,
    'worker --data data/ptb --out runs/ptb --worker 0 --workers 2 --server-addresses ps0:7000,ps1:7000',
    'worker --data data/ptb --out runs/ptb --worker 4 --local-workers 4 --workers 8 --server-addresses ps0:7000',
  );
}

/**
 * Works until training has ended, as one worker or, with `--local-workers`, as several from that one on.
 * @param command the command that was called with these flags
 * @throws Interruption if a signal made the workers leave before that
 */
export function work(flags: WorkerFlags, command: Command): Promise<void> {
  requireLocalWorkers(flags);
  return flags.localWorkers === undefined
    ? workAlone(flags, command)
    : workTogether(flags, flags.localWorkers, command);
}

/** @throws UsageError if a flag is given that is of no use without `--local-workers` */
export function requireLocalWorkers({ localWorkers, maxRestarts }: LocalWorkerFlags): void {
  if (maxRestarts === undefined || localWorkers !== undefined) return;
  throw new UsageError('--max-restarts: is for --local-workers; give that too');
}

async function workAlone(flags: WorkerFlags, command: Command): Promise<void> {
  if (flags.worker >= flags.workers) {
    throw new UsageError(`--worker: ${flags.worker} is not below the ${counted(flags.workers, 'worker')}`);
  }
  nameInLog(`worker ${flags.worker}`);
  const { worker, workers, serverTimeout, serverAddresses } = flags;
  const security = await clientSecurity(flags);
  const { handedJob, requestOf } = await import('../cluster/job-data.js');
  const request = await requestOf(handedJob(process) ?? (await jobData(flags, command)));
  const role = { serverAddresses, worker, workers, serverTimeout, security };
  const place = { run: runOfServers(serverAddresses), role: `worker ${worker}` };
  await using observer = worker === 0 ? await openObserver(flags, place) : undefined;
  const { runWorker } = await import('../cluster/run-worker.js');
  const report = await runWorker(request, role, observer);
  // A worker other than the first has a result if it took over and wrote checkpoints.
  const hasResult = worker === 0 || report.checkpointStep > 0;
  if (!process.send && hasResult) await printTrainingResult(flags.json, report.result());
}

async function workTogether(flags: WorkerFlags, count: number, command: Command): Promise<void> {
  const { worker: first, workers, serverAddresses: addresses, serverTimeout, maxRestarts = 10 } = flags;
  const last = first + count - 1;
  if (last >= workers) {
    throw new UsageError(
      `--local-workers: ${count} from worker ${first} on end with worker ${last}, which is not below the ${counted(workers, 'worker')}`,
    );
  }
  nameInLog(`workers ${first} to ${last}`);
  const security = await clientSecurity(flags);
  const data = await jobData(flags, command);
  const place = { run: runOfServers(addresses), role: `worker ${first}` };
  await using observer = first === 0 ? await openObserver(flags, place) : undefined;
  const { connectRunStatus } = await import('@unroll/param-server/client');
  observer?.watch(connectRunStatus(addresses, security));
  const { runLocalWorkers } = await import('../cluster/worker-processes.js');
  const shared = ['--server-timeout', `${serverTimeout}`, ...securityArguments(flags)];
  const processes = { first, count, workers, addresses, maxRestarts, secrets: {}, flags: shared };
  const report = await interruptible(
    async (signal) => {
      const followed = await runLocalWorkers(data, processes, observer, signal);
      if (!signal.aborted) return followed;
      const line = `workers ${first} to ${last} were told to end before the training had; start them again`;
      throw new Interruption(line, (signal.reason as Interruption).signal);
    },
    () => 'the workers of this machine leave the run',
  );
  if (first === 0 || report.checkpointStep > 0) await printTrainingResult(flags.json, report.result());
}

/** Returns the flags that say how a process authenticates itself. */
function securityArguments({ tlsCert, tlsKey, tlsCa, tokenFile }: SecurityFlags): string[] {
  const files = { 'tls-cert': tlsCert, 'tls-key': tlsKey, 'tls-ca': tlsCa, 'token-file': tokenFile };
  return Object.entries(files).flatMap(([flag, file]) => (file === undefined ? [] : [`--${flag}`, file]));
}

export interface ServerFlags extends ServerPolicy, GuardFlags, MetricsFlags {
  port: number;
  shard: number;
  shards: number;
  workers: number;
}

export function addParamServer(program: Command): void {
  const command = program
    .command('param-server')
    .description('run one parameter server of a distributed training; it ends when all workers have left')
    .option(
      '--host <address>',
      'address to listen on; beyond 127.0.0.1 a token or TLS must guard it',
      hostName,
      '127.0.0.1',
    )
    .requiredOption('--port <n>', 'port to listen on; 0 for any', portOrAny)
    .option('--shard <i>', 'which shard of the parameters it holds', nonNegativeInteger, 0)
    .option('--shards <n>', 'how many shards there are', positiveInteger, 1)
    .requiredOption('--workers <n>', 'how many workers train', positiveInteger)
    .addOption(logFormatOption());
  addServerPolicyFlags(addGuardFlags(addMetricsFlags(command))).action(serve);
  addExamples(command, 'param-server --host 0.0.0.0 --port 7000 --shard 0 --shards 2 --workers 2 --token-file token');
}

/**
 * Serves until training has ended.
 * @throws UnrollError if the workers left before that; Interruption if a signal stopped the server
 */
export async function serve(flags: ServerFlags): Promise<void> {
  const { host, port, shard, shards, workers, minWorkers = workers, backupWorkers, lease, workerTimeout } = flags;
  const { snapshotDir: folder, snapshotEvery: every, keepSnapshots: keep } = flags;
  if (shard >= shards) throw new UsageError(`--shard: ${shard} is not below the ${counted(shards, 'shard')}`);
  requireSpareable(flags, workers);
  nameInLog(`server ${shard}`);
  const security = await serverSecurity(flags);
  const { startParameterServer } = await import('@unroll/param-server/server');
  const server = await startParameterServer({
    ...{ host, port, shard, shards, workers, minWorkers, backupWorkers, version, security },
    insecurePublic: flags.insecurePublic ?? false,
    ...(flags.metricsPort === undefined ? {} : { metricsPort: flags.metricsPort }),
    metricsHost: flags.metricsHost,
    leaseSeconds: lease,
    workerTimeoutSeconds: workerTimeout,
    maxParameters: flags.maxParameters,
    ...(folder === undefined || every === 0 ? {} : { snapshots: { folder, every, keep } }),
    onNotice: notify,
  });
  let interruption: Interruption | undefined;
  const stop = (signal: NodeJS.Signals) => {
    interruption = new Interruption(`server ${shard} was told to end before the training had; start it again`, signal);
    void server.close();
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  reportTo(process, { type: 'listening', port: server.port });
  log(`parameter server ${shard + 1} of ${shards} listens on ${host}:${server.port} for ${counted(workers, 'worker')}`);
  const end = await server.done;
  if (end === 'stopped' && interruption) throw interruption;
  if (end !== 'abandoned') return;
  reportTo(process, { type: 'peer-lost' });
  throw new UnrollError(
    `server ${shard}: the workers left before the training had ended; their output says why. Start all again with --resume`,
  );
}
