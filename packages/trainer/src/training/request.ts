/** A request to train, whatever the model. */
import type { SnapshotPolicy } from '@unroll/param-server/client';
import type { EngineName } from '../engines/engine-names.js';
import type { TrainingJob } from './job.js';

/** The fields of every request to train. */
export interface TrainingRequest {
  readonly data: string;
  /** The folder of the checkpoint. */
  readonly out: string;
  readonly engine: EngineName;
  /** Threads of this process; 0 for all cores. */
  readonly threads: number;
  readonly resume: boolean;
  readonly overwrite: boolean;
  /** Whether a training may resume on data other than those it was trained on. */
  readonly changedData: boolean;
  /** The words of the command that asks for the training, after `unroll`; absent for one in code. */
  readonly command?: readonly string[] | undefined;
}

export interface PreparationOptions {
  /** Whether to check that the checkpoints can be written. */
  readonly writes?: boolean;
  /** Cancels the preparation. */
  readonly signal?: AbortSignal | undefined;
}

/** A request together with the function that prepares its job. */
export interface JobRequest extends Pick<TrainingRequest, 'data' | 'out' | 'engine' | 'threads' | 'command'> {
  /** @throws UnrollError if the run may not write its checkpoints in the folder */
  requireDestination(): Promise<void>;
  /**
   * Reads everything that the run needs.
   * @throws UnrollError, UsageError naming what is missing, unreadable or contradictory
   */
  prepare(options: PreparationOptions): Promise<TrainingJob>;
}

/** Treats the servers' snapshots like a checkpoint in `--out`. */
export function snapshotPolicy({ resume, overwrite }: Pick<TrainingRequest, 'resume' | 'overwrite'>): SnapshotPolicy {
  if (overwrite) return 'discard';
  return resume ? 'restore' : 'refuse';
}
