/**
 * The options of a run by several processes, from the flags of a command or the options of `train`: how servers treat
 * absent workers, and where their snapshots go. This file loads no engine.
 */
import { option } from '../configuration/option-names.js';
import type { Mode } from '../configuration/variants.js';
import { UsageError } from '../errors.js';
import { snapshotsBeside } from '../files/folder-names.js';
import type { ClusterOptions } from './launch.js';

/** How servers treat absent workers, and guard against their own end. */
export interface ServerPolicy {
  minWorkers?: number | undefined;
  backupWorkers: number;
  lease: number;
  workerTimeout: number;
  snapshotDir?: string | undefined;
  snapshotEvery: number;
  keepSnapshots: number;
  maxParameters: number;
}

export interface LaunchOptions extends ServerPolicy {
  workers?: number | undefined;
  servers?: number | undefined;
  maxRestarts: number;
}

/**
 * @throws UsageError if the mode does not allow sparing the workers that the flags say; servers do not know the mode
 */
export function requireSpareable(
  { minWorkers, backupWorkers, mode }: ServerPolicy & { readonly mode?: Mode | undefined },
  workers: number,
): void {
  if (minWorkers !== undefined && minWorkers > workers) {
    throw new UsageError(`${option('minWorkers')}: ${minWorkers} is above the ${workers} workers`);
  }
  if (backupWorkers >= workers) {
    throw new UsageError(`${option('backupWorkers')}: ${backupWorkers} is not below the ${workers} workers`);
  }
  const canSpare = backupWorkers > 0 || (minWorkers !== undefined && minWorkers < workers);
  if (canSpare && (mode?.name === 'ssp' || mode?.name === 'async')) {
    const flag = backupWorkers > 0 ? option('backupWorkers') : option('minWorkers');
    throw new UsageError(
      `${flag}: in mode ${mode.name} no worker can be spared; leave it out, or choose ${option('mode')} sync`,
    );
  }
  if (backupWorkers > 0 && minWorkers !== undefined && minWorkers < workers) {
    throw new UsageError(
      `${option('backupWorkers')}: is for a run whose workers keep their lanes; leave out ${option('minWorkers')}`,
    );
  }
}

/** Returns a launch's options from flags or the options of code. By default snapshots go beside the checkpoint. */
export function clusterOptions(
  flags: LaunchOptions & { readonly mode?: Mode | undefined },
  out: string,
): ClusterOptions {
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
