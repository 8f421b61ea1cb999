/** `unroll node`: one command for every process of a job; flags or the scheduler say which server or worker it is. */
import { type Command, Option } from 'commander';
import type { ServerPolicy } from '../cluster/cluster-options.js';
import type { RoleFlags, RoleKind } from '../cluster/role.js';
import { parseServerAddresses } from '../cluster/server-addresses.js';
import type { ObserverChoice } from '../dashboard/open-observer.js';
import { log } from '../terminal/log.js';
import { nonNegativeInteger, positiveInteger } from '../terminal/number-arguments.js';
import { addServerPolicyFlags } from './cluster-flags.js';
import { addLocalWorkerFlags, type LocalWorkerFlags, requireLocalWorkers, serve, work } from './cluster-roles.js';
import { addJobFlags, type JobFlags } from './job-request.js';
import { addObserverFlags } from './observer-flags.js';
import { addExamples, addMetricsFlags, hostName, type MetricsFlags, port } from './options.js';
import { addGuardFlags, type GuardFlags } from './security-flags.js';

interface NodeFlags
  extends JobFlags,
    ServerPolicy,
    GuardFlags,
    ObserverChoice,
    MetricsFlags,
    LocalWorkerFlags,
    Pick<RoleFlags, 'index' | 'workers' | 'servers' | 'port'> {
  role?: RoleKind;
  serverAddresses?: readonly string[];
  serverTimeout: number;
}

export function addNode(program: Command): void {
  const command = program
    .command('node')
    .description(
      'run the parameter server or worker that this process is in a job, from TF_CONFIG, a Kubernetes Indexed Job, Slurm or RANK',
    )
    .addOption(new Option('--role <kind>', 'what it is, whatever the scheduler says').choices(['server', 'worker']))
    .option('--index <i>', 'which of them; a Kubernetes Indexed Job tells it', nonNegativeInteger)
    .option('--workers <n>', 'how many processes of the job are workers; with --role', positiveInteger)
    .option(
      '--server-addresses <list>',
      'host:port of every parameter server, by shard, separated by commas',
      parseServerAddresses,
    )
    .option('--servers <n>', 'how many of the first processes are servers, under Slurm and RANK', positiveInteger, 1)
    .option(
      '--port <n>',
      'where the first server of a node listens, under Slurm and RANK (default: by the id of a Slurm job, else 7000)',
      port,
    )
    .option(
      '--host <address>',
      'address to listen on; beyond 127.0.0.1 a token or TLS must guard it',
      hostName,
      '0.0.0.0',
    )
    .option('--server-timeout <seconds>', 'give up servers that do not answer for so long', positiveInteger, 600);
  addLocalWorkerFlags(command, 'in the place of one; every process of the job must be given the same number');
  addObserverFlags(addJobFlags(addMetricsFlags(command)));
  addServerPolicyFlags(addGuardFlags(command)).action((flags) => runNode(flags, command));
  addExamples(
    command,
    'node --data data/ptb --out runs/ptb --resume --servers 2 --snapshot-dir runs/ptb.snapshots --token-file token',
    'node --data data/ptb --out runs/ptb --role worker --index 0 --workers 2 --server-addresses ps0:7000,ps1:7000',
    'node --data data/ptb --out runs/ptb --local-workers 4 --token-file token',
  );
}

async function runNode(flags: NodeFlags, command: Command): Promise<void> {
  const { roleOf } = await import('../cluster/roles.js');
  requireLocalWorkers(flags);
  const { kind, index, workers: processes, serverAddresses, source } = roleOf(flags, process.env);
  const { localWorkers = 1 } = flags;
  const [workers, shards] = [processes * localWorkers, serverAddresses.length];
  const place =
    kind === 'server' ? `server ${index}, of ${shards}` : `${workersOf(index, localWorkers)}, of ${workers}`;
  log(`${place} (${source}); the servers are ${serverAddresses.join(', ')}`);
  if (kind === 'worker') return work({ ...flags, workers, worker: index * localWorkers, serverAddresses }, command);
  return serve({ ...flags, workers, shard: index, shards, port: portOf(serverAddresses[index]!) });
}

function workersOf(index: number, count: number): string {
  return count === 1 ? `worker ${index}` : `workers ${index * count} to ${index * count + count - 1}`;
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
