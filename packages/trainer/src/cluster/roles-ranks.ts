/**
 * Assigns roles where the scheduler only numbers the processes from 0: Slurm, and the variables of torchrun. The first
 * processes are the servers, the others the workers.
 */
import { isIPv6 } from 'node:net';
import { UnrollError, UsageError } from '../errors.js';
import type { Environment, Role, RoleFlags } from './role.js';
import { checkedServers } from './server-addresses.js';
import { expandHostlist } from './slurm-hostlist.js';

/** The numbered processes of a job, and the number of this one. */
export interface Ranks {
  readonly rank: number;
  readonly size: number;
  /** Returns the host and port of each server, if the first `servers` processes are the servers. */
  readonly addressesOf: (servers: number) => readonly string[];
  readonly source: string;
}

/** @throws UnrollError if the job has no process for a worker; UsageError if its servers differ from the flags' */
export function roleOfRank({ rank, size, addressesOf, source }: Ranks, flags: RoleFlags): Role {
  const serverAddresses = flags.serverAddresses ?? addressesOf(flags.servers);
  const servers = serverAddresses.length;
  const workers = size - servers;
  if (workers < 1) {
    throw new UnrollError(`${source}: ${size} processes, of which ${servers} are servers, leave no worker`);
  }
  const isServer = rank < servers;
  return {
    kind: isServer ? 'server' : 'worker',
    index: isServer ? rank : rank - servers,
    workers,
    serverAddresses,
    source,
  };
}

/**
 * Reads the variables that `srun` sets for each task. Tasks fill the nodes one after another (`--distribution=block`,
 * Slurm's default).
 */
export function ranksOfSlurm(environment: Environment, port = portOfJob(environment)): Ranks {
  const distribution = environment.SLURM_DISTRIBUTION ?? 'block';
  if (!distribution.startsWith('block')) {
    throw new UnrollError(`SLURM_DISTRIBUTION: ${distribution} scatters the tasks; run srun --distribution=block`);
  }
  const addressesOf = (servers: number): readonly string[] => {
    const hosts = expandHostlist(required(environment, 'SLURM_STEP_NODELIST', 'SLURM_JOB_NODELIST'));
    const counts = tasksPerNode(required(environment, 'SLURM_STEP_TASKS_PER_NODE', 'SLURM_TASKS_PER_NODE'));
    // Servers that share a node listen on consecutive ports.
    const places = hosts.flatMap((host, node) =>
      Array.from({ length: counts[node] ?? 0 }, (_, task) => `${host}:${port + task}`),
    );
    return checkedServers(places.slice(0, servers), '--port and the nodes of Slurm');
  };
  return {
    rank: integer(environment, 'SLURM_PROCID'),
    size: integer(environment, 'SLURM_STEP_NUM_TASKS', 'SLURM_NTASKS'),
    addressesOf,
    source: 'Slurm',
  };
}

/** The port of servers that are given no other port. */
const usualPort = 7000;

/**
 * Returns a port derived from the job's id, because jobs may share a node. Jobs whose ids differ by less than 1,250 get
 * different ports.
 */
function portOfJob({ SLURM_JOB_ID: id }: Environment): number {
  const [first, jobs, portsOfJob] = [10_000, 1_250, 16];
  return id !== undefined && /^\d+$/.test(id) ? first + (Number(id) % jobs) * portsOfJob : usualPort;
}

/**
 * Reads the variables that torchrun and similar launchers set for each process; they name only the first process's
 * machine.
 */
export function ranksOfTorch(environment: Environment, port = usualPort): Ranks {
  const addressesOf = (servers: number): readonly string[] => {
    if (servers > 1) {
      throw new UsageError(`--servers: MASTER_ADDR names one machine; give the ${servers} with --server-addresses`);
    }
    const masterPort = environment.MASTER_PORT === undefined ? port : integer(environment, 'MASTER_PORT');
    const host = required(environment, 'MASTER_ADDR');
    return checkedServers([`${isIPv6(host) ? `[${host}]` : host}:${masterPort}`], 'MASTER_ADDR and MASTER_PORT');
  };
  const [rank, size] = [integer(environment, 'RANK'), integer(environment, 'WORLD_SIZE')];
  return { rank, size, addressesOf, source: 'RANK' };
}

/** Expands `2(x3),1` to 2, 2, 2, 1. */
function tasksPerNode(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [, count, repeats = '1'] = /^(\d+)(?:\(x(\d+)\))?$/.exec(part) ?? [];
    if (count === undefined) throw new UnrollError(`SLURM_TASKS_PER_NODE: cannot read '${text}'; start with srun`);
    return Array.from({ length: Number(repeats) }, () => Number(count));
  });
}

/** Returns the first of these variables that is set. */
function required(environment: Environment, ...names: readonly [string, ...string[]]): string {
  const value = names.map((name) => environment[name]).find((text) => text !== undefined && text !== '');
  if (value === undefined) throw new UnrollError(`${names.at(-1)}: is not set; what started this process sets it`);
  return value;
}

function integer(environment: Environment, ...names: readonly [string, ...string[]]): number {
  const text = required(environment, ...names);
  if (!/^\d+$/.test(text)) throw new UnrollError(`${names.at(-1)}: '${text}' is no number`);
  return Number(text);
}
