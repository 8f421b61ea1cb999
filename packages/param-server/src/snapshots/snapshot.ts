/** What a shard needs to go on after its process has died, and where it is kept. Which step to go back to is worker 0's choice. */
import type { ShardValues } from '../shard/messages.js';
import type { FrozenValues } from './frozen-values.js';

/** A shard as it was after `step` updates. */
export interface ShardSnapshot {
  readonly step: number;
  readonly values: ShardValues;
}

/** The same while updates go on. */
export interface FrozenSnapshot {
  readonly step: number;
  readonly values: FrozenValues;
}

/** Where a shard's snapshots are kept: `SnapshotFolder` on a disk; in a simulation, memory that survives the shard. */
export interface SnapshotStore {
  /** Says which run is trained: equal for two shards that hold the same part of the same run. */
  adopt(run: string): void;
  /** The steps of the whole snapshots of the run, ascending. */
  readonly steps: readonly number[];
  /** How many snapshots of other runs were found. */
  readonly foreign: number;
  /** Of how many shards the run was whose snapshots these are; undefined if of as many as this one. */
  readonly foreignShards: number | undefined;
  /** Reads the values once, in its own time. Resolves when the snapshot is safe. */
  write(snapshot: FrozenSnapshot): Promise<void>;
  /**
   * Reads the snapshot of a step, and changes nothing.
   * @throws Error if it cannot be read; it is then no longer among {@link steps}
   */
  read(step: number): Promise<ShardSnapshot>;
  /**
   * Sets aside the snapshots of steps after this one (all, without it): from now on they are not among {@link steps}. Those of
   * this run are kept until the run has passed their steps, those of other runs for good.
   */
  setAside(after: number | undefined): Promise<void>;
  /** Removes all snapshots of the run, those that were set aside among them. */
  clear(): Promise<void>;
}

/** For a shard that keeps none. */
export const noSnapshots: SnapshotStore = {
  adopt: () => undefined,
  steps: [],
  foreign: 0,
  foreignShards: undefined,
  write: async () => undefined,
  read: async (step) => {
    throw new Error(`there is no snapshot of step ${step}`);
  },
  setAside: async () => undefined,
  clear: async () => undefined,
};
