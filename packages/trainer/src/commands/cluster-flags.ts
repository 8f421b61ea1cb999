/** The flags of parameter servers that `param-server`, `train` and `launch` share, and the processes that get them. */
import { defaultMaxParameters, fewestSnapshots, mostMaxParameters } from '@unroll/param-server/config';
import { type Command, InvalidArgumentError } from 'commander';
import type { ClusterOptions } from '../cluster/launch.js';
import { snapshotsBeside } from '../cluster/together.js';
import type { Mode } from '../configuration/variants.js';
import { UsageError } from '../errors.js';
import { nonNegativeInteger, positiveInteger } from '../terminal/number-arguments.js';

export interface ServerPolicyFlags {
  minWorkers?: number;
  backupWorkers: number;
  lease: number;
  workerTimeout: number;
  snapshotDir?: string;
  snapshotEvery: number;
  keepSnapshots: number;
  maxParameters: number;
}

export interface LaunchFlags extends ServerPolicyFlags {
  workers?: number;
  servers?: number;
  maxRestarts: number;
}

/** Adds the flags for how servers treat absent workers and guard against their own end. */
export function addServerPolicyFlags(command: Command): Command {
  return command
    .option('--min-workers <n>', 'go on with so few workers, who share the lanes (default: all)', positiveInteger)
    .option('--backup-workers <n>', 'make each step without the slowest so many workers', nonNegativeInteger, 0)
    .option('--lease <seconds>', 'report a worker that is silent for longer', positiveInteger, 15)
    .option('--worker-timeout <seconds>', 'give up a worker that is silent for longer', positiveInteger, 600)
    .option('--snapshot-dir <dir>', 'where parameter servers keep snapshots, to go on from when they are killed')
    .option('--snapshot-every <steps>', 'steps between snapshots; 0 for none', nonNegativeInteger, 200)
    .option('--keep-snapshots <n>', `how many of the last to keep, at least ${fewestSnapshots}`, snapshotCount, 3)
    .option(
      '--max-parameters <n>',
      'refuse a model with more parameters and lane states on one server',
      parameterCount,
      defaultMaxParameters,
    );
}

export function addLaunchFlags(command: Command): Command {
  return addServerPolicyFlags(command).option(
    '--max-restarts <n>',
    'how often a process that was killed is started again; counted anew after a minute of life',
    nonNegativeInteger,
    10,
  );
}

/**
 * @throws UsageError if the mode does not allow sparing the workers that the flags say; servers do not know the mode
 */
export function requireSpareable(
  { minWorkers, backupWorkers, mode }: ServerPolicyFlags & { readonly mode?: Mode },
  workers: number,
): void {
  if (minWorkers !== undefined && minWorkers > workers) {
    throw new UsageError(`--min-workers: ${minWorkers} is above the ${workers} workers`);
  }
  if (backupWorkers >= workers) {
    throw new UsageError(`--backup-workers: ${backupWorkers} is not below the ${workers} workers`);
  }
  const canSpare = backupWorkers > 0 || (minWorkers !== undefined && minWorkers < workers);
  if (canSpare && (mode?.name === 'ssp' || mode?.name === 'async')) {
    const flag = backupWorkers > 0 ? '--backup-workers' : '--min-workers';
    throw new UsageError(`${flag}: in mode ${mode.name} no worker can be spared; leave it out, or choose --mode sync`);
  }
  if (backupWorkers > 0 && minWorkers !== undefined && minWorkers < workers) {
    throw new UsageError('--backup-workers: is for a run whose workers keep their lanes; leave out --min-workers');
  }
}

function parameterCount(text: string): number {
  const count = positiveInteger(text);
  if (count > mostMaxParameters) throw new InvalidArgumentError(`It must be at most ${mostMaxParameters}.`);
  return count;
}

function snapshotCount(text: string): number {
  const count = positiveInteger(text);
  if (count < fewestSnapshots) throw new InvalidArgumentError(`It must be at least ${fewestSnapshots}.`);
  return count;
}

/** Returns a launch's options from its flags. By default snapshots go beside the checkpoint. */
export function clusterOptions(flags: LaunchFlags & { readonly mode?: Mode }, out: string): ClusterOptions {
  const {
    workers = 1,
    servers = 1,
    minWorkers,
    backupWorkers,
    lease,
    workerTimeout,
    snapshotEvery,
    keepSnapshots,
    maxParameters,
    maxRestarts,
  } = flags;
  requireSpareable(flags, workers);
  const snapshotDir = flags.snapshotDir ?? snapshotsBeside(out);
  const serverFlags = {
    'backup-workers': backupWorkers,
    lease,
    'worker-timeout': workerTimeout,
    'snapshot-dir': snapshotDir,
    'snapshot-every': snapshotEvery,
    'keep-snapshots': keepSnapshots,
    'max-parameters': maxParameters,
    ...(minWorkers === undefined ? {} : { 'min-workers': minWorkers }),
  };
  return {
    workers,
    servers,
    maxRestarts,
    snapshotDir,
    serverFlags: Object.entries(serverFlags).flatMap(([name, value]) => [`--${name}`, `${value}`]),
  };
}
