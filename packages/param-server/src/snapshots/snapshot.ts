/**
 * The data that a shard needs to continue after its process has died, and its storage. The chief chooses the step to
 * restore.
 */
import type { ShardValues } from '../shard/messages.js';
import type { FrozenValues } from './frozen-values.js';

/** A shard's values after `step` updates. */
export interface ShardSnapshot {
  readonly step: number;
  readonly values: ShardValues;
}

/** The same, readable while updates go on. */
export interface FrozenSnapshot {
  readonly step: number;
  readonly values: FrozenValues;
}

/** Stores a shard's snapshots: `SnapshotFolder` on a disk or, in a simulation, memory that survives the shard. */
export interface SnapshotStore {
  /** Sets the run that is trained. The name is equal for two shards that hold the same part of the same run. */
  adopt(run: string): void;
  /** The steps of the run's complete snapshots, ascending. */
  readonly steps: readonly number[];
  /** The number of snapshots of other runs that were found. */
  readonly foreign: number;
  /** The number of shards in the run that these snapshots belong to; undefined if it equals this run's. */
  readonly foreignShards: number | undefined;
  /** The reason why a chief's own values may not take the place of the snapshots, with the remedy; undefined if they may. */
  readonly obstacle: string | undefined;
  /** Reads the values once, at its own speed. Resolves when the snapshot is safe. */
  write(snapshot: FrozenSnapshot): Promise<void>;
  /**
   * Reads the snapshot of a step, and changes nothing.
   * @throws Error if it cannot be read; it is then no longer among {@link steps}
   */
  read(step: number): Promise<ShardSnapshot>;
  /**
   * Sets aside the snapshots of steps later than `after`: they are no longer among {@link steps}. Those of this run are
   * kept until the run has passed their steps. Without `after` a chief's own values take the place of all, which are
   * kept for good: no message deletes what the run could go back to.
   */
  setAside(after: number | undefined): Promise<void>;
  /** Removes the run's snapshots, but not those whose place a chief's values have taken. */
  clear(): Promise<void>;
}

/** For a shard that keeps no snapshots. */
export const noSnapshots: SnapshotStore = {
  adopt: () => undefined,
  steps: [],
  foreign: 0,
  foreignShards: undefined,
  obstacle: undefined,
  write: async () => undefined,
  read: async (step) => {
    throw new Error(`there is no snapshot of step ${step}`);
  },
  setAside: async () => undefined,
  clear: async () => undefined,
};
