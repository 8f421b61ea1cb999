/** Decides a worker's next action after joining, from the shards' answers. `place-in-run.ts` carries it out. */
import { status } from '@grpc/grpc-js';
import { ParameterServerError } from '../errors.js';
import type { unroll } from '../generated/parameter-server.js';
import type { LaneRange } from '../shard/messages.js';

/** The point at which a worker enters the run. */
export interface Entry {
  readonly type: 'enter';
  readonly generation: number;
  /** The incarnation of the chief that began the generation. */
  readonly begunBy: number;
  readonly lease: number;
  readonly lanes: LaneRange;
  readonly step: number;
  /** Lets lagging shards make the update that leads to `step`; undefined if no shard lags. */
  readonly sumOfSquares: number | undefined;
}

export type Plan =
  | Entry
  /** The chief initializes all shards, from a snapshot that they have in common or from the start values. */
  | { readonly type: 'begin'; readonly generation: number; readonly snapshot: number | undefined }
  /** The shards answered at moments too far apart, or the chief is about to initialize them. */
  | { readonly type: 'join again' };

/** The chief's treatment of snapshots on servers that have not been initialized yet. */
export type SnapshotPolicy = 'restore' | 'refuse' | 'discard';

export interface Joiner {
  /** Whether this worker initializes the servers. */
  readonly isChief: boolean;
  /** Whether this process has taken part before: the snapshots then belong to its run. */
  readonly hasEntered: boolean;
  /** The greatest generation that this process knows, perhaps from servers that have restarted since. */
  readonly generation: number;
  /** The number of updates contained in this worker's start values. */
  readonly startStep: number;
  readonly snapshots: SnapshotPolicy;
  /**
   * Whether the worker goes at its own pace. Workers push to the first shard last, so it then knows how many steps this
   * one has made.
   */
  readonly ownPace: boolean;
  /**
   * Whether some server has known a later lease than the first server, which deals them, for longer than messages are
   * under way. A false push told it so, and it refuses all others until another generation begins.
   */
  readonly isStuck?: boolean;
}

/** @throws ParameterServerError if the servers were started differently, or hold snapshots that must not be touched */
export function planOf(joined: readonly unroll.v1.JoinResponse[], joiner: Joiner): Plan {
  requireSameBackups(joined);
  const generation = Math.max(...joined.map((shard) => shard.generation));
  const [first] = joined;
  const isOfOne = (shard: unroll.v1.JoinResponse) =>
    shard.initialized && shard.generation === generation && (shard.begunBy ?? 0) === (first!.begunBy ?? 0);
  if (joined.every(isOfOne) && !joiner.isStuck) {
    if (!areLeasesKnown(joined)) return { type: 'join again' };
    return entry(joined, generation, joiner.ownPace) ?? { type: 'join again' };
  }
  if (!joiner.isChief) return { type: 'join again' };
  requireSameSchedule(joined);
  const isNew = !joiner.hasEntered && generation === 0;
  if (isNew) requireNothingLost(joined, joiner.snapshots);
  const common = isNew && joiner.snapshots === 'discard' ? undefined : commonSnapshot(joined);
  const snapshot = common !== undefined && common > joiner.startStep ? common : undefined;
  return { type: 'begin', generation: Math.max(generation, joiner.generation) + 1, snapshot };
}

/** Returns whether the first shard knows every lease that the others do. */
export function areLeasesKnown(joined: readonly unroll.v1.JoinResponse[]): boolean {
  return joined.every(({ lease }) => lease <= joined[0]!.lease);
}

/**
 * Returns where to enter the run; undefined if the shards' answers do not fit together. If workers died between two
 * shards' updates, some shards are a step ahead. The others have the gradients of all lanes for that step and lack only
 * the global norm, which the shards' sums give.
 */
function entry(joined: readonly unroll.v1.JoinResponse[], generation: number, ownPace: boolean): Entry | undefined {
  const step = ownPace ? joined[0]!.step : Math.max(...joined.map((shard) => shard.step));
  const { lease, lanesFrom, lanesTo, begunBy } = joined[0]!;
  const lanes = { from: lanesFrom, to: lanesTo };
  const found = { type: 'enter', generation, begunBy: begunBy ?? 0, lease, lanes, step } as const;
  if (ownPace || joined.every((shard) => shard.step === step)) return { ...found, sumOfSquares: undefined };
  const sums: number[] = [];
  for (const shard of joined) {
    const isCurrent = shard.step === step;
    const sum = isCurrent ? shard.appliedSumOfSquares : shard.pendingSumOfSquares;
    if (sum === undefined || sum === null || (!isCurrent && shard.step !== step - 1)) return undefined;
    sums.push(sum);
  }
  return { ...found, sumOfSquares: total(sums) };
}

/** Sums in shard order, so that every worker gets the same result. */
export function total(sums: readonly number[]): number {
  return sums.reduce((sum, value) => sum + value, 0);
}

function commonSnapshot(joined: readonly unroll.v1.JoinResponse[]): number | undefined {
  const [first, ...others] = joined.map(({ snapshots }) => snapshots);
  return first!.findLast((step) => others.every((steps) => steps.includes(step)));
}

function requireSameSchedule(joined: readonly unroll.v1.JoinResponse[]): void {
  const everies = joined.map(({ snapshotEvery }) => snapshotEvery);
  if (new Set(everies).size === 1) return;
  throw refusal(
    `the parameter servers take snapshots every ${everies.join(', ')} steps; let all take them at the same steps`,
  );
}

function requireSameBackups(joined: readonly unroll.v1.JoinResponse[]): void {
  const backups = joined.map(({ backupWorkers }) => backupWorkers);
  if (new Set(backups).size === 1) return;
  throw refusal(
    `the parameter servers make do without ${backups.join(', ')} workers; let all make do without the same number`,
  );
}

function requireNothingLost(joined: readonly unroll.v1.JoinResponse[], policy: SnapshotPolicy): void {
  if (policy === 'discard') return;
  const resized = joined.findIndex(({ foreignShards }) => foreignShards > 0);
  if (resized >= 0) {
    throw refusal(
      `parameter server ${resized} holds snapshots of a run with another number of servers, ${joined[resized]!.foreignShards} ` +
        `instead of ${joined.length}; start as many again to go on from them. Overwriting sets them aside; with another ` +
        'folder for snapshots the run resumes from its checkpoint',
    );
  }
  const foreign = joined.findIndex(({ foreignSnapshots }) => foreignSnapshots > 0);
  if (foreign >= 0) {
    throw refusal(
      `parameter server ${foreign} holds snapshots of another run, with another configuration or text; ` +
        'overwrite to set them aside, or choose another folder for snapshots',
    );
  }
  const own = joined.findIndex(({ snapshots }) => snapshots.length > 0);
  if (policy === 'restore' || own < 0) return;
  throw refusal(
    `parameter server ${own} holds snapshots of this run up to step ${joined[own]!.snapshots.at(-1)}; ` +
      'resume to go on from them, or overwrite to set them aside',
  );
}

function refusal(message: string): ParameterServerError {
  return new ParameterServerError(status.FAILED_PRECONDITION, message);
}
