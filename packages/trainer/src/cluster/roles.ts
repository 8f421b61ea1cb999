/**
 * Determines this process's part of a run, on a cluster that starts the same command everywhere. It uses flags or,
 * without them, the scheduler's environment variables. A pure function; it opens no connection and starts nothing.
 */
import { UnrollError, UsageError } from '../errors.js';
import type { Environment, Role, RoleFlags, RoleKind } from './role.js';
import { ranksOfSlurm, ranksOfTorch, roleOfRank } from './roles-ranks.js';
import { roleOfTensorFlowConfig } from './roles-tf-config.js';

/**
 * Returns the role given by `--role` and its companions. Without `--role`, uses the first of TF_CONFIG, Slurm and RANK
 * that is present. A Kubernetes Indexed Job provides only the index, so it needs `--role`.
 * @throws UsageError naming the flag that is missing
 * @throws UnrollError naming the variable that is missing or wrong
 */
export function roleOf(flags: RoleFlags, environment: Environment): Role {
  const role = flags.role ? roleOfFlags(flags.role, flags, environment) : roleOfEnvironment(flags, environment);
  const count = role.kind === 'server' ? role.serverAddresses.length : role.workers;
  if (role.index >= count) {
    throw new UnrollError(`${role.source}: ${role.kind} ${role.index} is not below the ${count} ${role.kind}s`);
  }
  return role;
}

function roleOfFlags(kind: RoleKind, flags: RoleFlags, environment: Environment): Role {
  const { workers, serverAddresses } = flags;
  const job = flags.index === undefined ? environment.JOB_COMPLETION_INDEX : undefined;
  if (job !== undefined && !/^\d+$/.test(job)) throw new UnrollError(`JOB_COMPLETION_INDEX: '${job}' is no index`);
  const index = flags.index ?? (job === undefined ? undefined : Number(job));
  if (index === undefined) throw new UsageError('--role: needs --index, where no Kubernetes Indexed Job tells it');
  if (workers === undefined) throw new UsageError('--role: needs --workers, how many there are');
  if (serverAddresses === undefined)
    throw new UsageError('--role: needs --server-addresses, the host:port of every server');
  return { kind, index, workers, serverAddresses, source: job === undefined ? 'flags' : 'JOB_COMPLETION_INDEX' };
}

function roleOfEnvironment(flags: RoleFlags, environment: Environment): Role {
  for (const flag of ['index', 'workers'] as const) {
    if (flags[flag] !== undefined) throw new UsageError(`--${flag}: needs --role; without it the scheduler decides`);
  }
  if (environment.TF_CONFIG !== undefined) return roleOfTensorFlowConfig(environment.TF_CONFIG);
  if (environment.JOB_COMPLETION_INDEX !== undefined) {
    throw new UsageError(
      'JOB_COMPLETION_INDEX: a Kubernetes Indexed Job tells only the index; add --role, --workers and --server-addresses',
    );
  }
  if (environment.SLURM_PROCID !== undefined) return roleOfRank(ranksOfSlurm(environment, flags.port), flags);
  if (environment.RANK !== undefined) return roleOfRank(ranksOfTorch(environment, flags.port), flags);
  throw new UsageError(
    'the environment names no scheduler (TF_CONFIG, JOB_COMPLETION_INDEX, SLURM_PROCID or RANK); add --role and --index',
  );
}
