/** Checks that a joining worker and this shard mean the same run. */
import { modelDifference } from '../vectors/model.js';
import { partition } from '../vectors/partition.js';
import type { RunDescription } from './messages.js';
import { Refusal } from './refusal.js';

/** The settings a server is started with. It learns the model from the first worker that joins. */
export type ShardPlace = Omit<RunDescription, 'model'>;

/** How a shard treats absent workers, and when it gives up. Times are in seconds. */
export interface ShardPolicy {
  /**
   * The run goes on as long as at least this many workers remain. A run that needs fewer than all workers is elastic.
   */
  readonly minWorkers: number;
  /** The number of slowest workers whose gradients a step may leave out. Not available in an elastic run. */
  readonly backupWorkers: number;
  /** A worker that is silent for longer than this is reported as awaited. */
  readonly leaseSeconds: number;
  /**
   * A worker that is silent for longer than this is lost. Its lanes go to other workers; if too few are left, the run
   * ends.
   */
  readonly patienceSeconds: number;
  /** The number of updates between two snapshots; 0 takes none. */
  readonly snapshotEvery: number;
  /**
   * The greatest number of values that a model may have on this shard: parameters and lane states, but not the
   * optimizer's state. The first worker describes the model, and a server makes room for no more. By default any number.
   */
  readonly maxParameters?: number;
}

/** @throws Refusal if the worker was started for a different cluster from the server's. */
export function requireSamePlace(worker: number, theirs: RunDescription, ours: ShardPlace): void {
  if (theirs.version !== ours.version) {
    throw mismatch(
      `worker ${worker} runs Unroll ${theirs.version}, the server ${ours.version}; install the same version everywhere`,
    );
  }
  if (theirs.shard !== ours.shard || theirs.shards !== ours.shards) {
    throw mismatch(
      `worker ${worker} expects shard ${theirs.shard} of ${theirs.shards}, this server is shard ${ours.shard} of ` +
        `${ours.shards}; list all servers in the order of their shards`,
    );
  }
  requireSameWorkers(worker, theirs, ours);
}

function requireSameWorkers(worker: number, theirs: RunDescription, ours: ShardPlace): void {
  if (theirs.workers !== ours.workers) {
    throw mismatch(
      `worker ${worker} counts ${theirs.workers} workers, the server ${ours.workers}; give both the same number`,
    );
  }
  const { count } = theirs.model.lanes;
  if (count < ours.workers) {
    throw mismatch(`the batch has ${count} sequences for ${ours.workers} workers; enlarge the batch`);
  }
}

/** @throws Refusal if the run needs every worker, but the policy would do without some */
export function requireSuited({ model, workers }: RunDescription, policy: ShardPolicy): void {
  if (model.staleness === undefined || (policy.minWorkers >= workers && policy.backupWorkers === 0)) return;
  throw mismatch(
    'where workers go at their own pace, as in the modes ssp and async, none can be spared; start the servers without ' +
      'minimum and backup workers',
  );
}

/** @throws Refusal if this shard's part of the model is larger than the server may hold */
export function requireRoom(worker: number, run: RunDescription, { maxParameters = Infinity }: ShardPolicy): void {
  const values = partition(run.model.parameters, run.shards)[run.shard]!.length + laneElements(run);
  if (values <= maxParameters) return;
  throw mismatch(
    `worker ${worker} trains a model with ${values} parameters and lane states on this server, which takes ` +
      `${maxParameters}; start more servers, or allow each more parameters`,
  );
}

/** Returns the length of the table of lane states, which the first shard holds. */
export function laneElements({ shard, model }: RunDescription): number {
  return shard === 0 ? model.lanes.count * model.lanes.width : 0;
}

/** @throws Refusal if the worker trains a different model from the run's. */
export function requireSameModel(worker: number, theirs: RunDescription, run: RunDescription): void {
  const difference = modelDifference(theirs.model, run.model);
  if (difference) throw mismatch(`worker ${worker} ${difference}; start all workers with the same configuration`);
}

function mismatch(message: string): Refusal {
  return new Refusal('failed-precondition', message);
}
