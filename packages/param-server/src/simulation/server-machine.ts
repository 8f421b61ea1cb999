/** A simulated place for a shard's process, which is started again when it was killed; its disk survives. */

import type { ShardPolicy } from '../shard/agreement.js';
import { ShardHost } from '../shard-host.js';
import type { FrozenVector } from '../snapshots/frozen-vector.js';
import type { FrozenSnapshot, ShardSnapshot, SnapshotStore } from '../snapshots/snapshot.js';
import type { UpdateRule } from '../update-rule.js';
import type { VirtualTime } from './virtual-time.js';

export interface ServerMachineOptions {
  readonly shard: number;
  readonly shards: number;
  readonly workers: number;
  readonly policy: ShardPolicy;
  readonly time: VirtualTime;
  readonly random: () => number;
  /** The longest that the disk, or a restart, takes, in virtual seconds. */
  readonly slowness: number;
  readonly keepSnapshots: number;
}

/** How often a shard looks at its clock. */
const tickSeconds = 5;

export class ServerMachine {
  /** Undefined while the process is down. */
  host: ShardHost | undefined;
  /** The numbers of the updates applied, in order, over all processes; a snapshot that was gone back to is negative. */
  readonly updates: number[] = [];
  readonly notices: string[] = [];
  readonly #options: ServerMachineOptions;
  readonly #disk = new Map<number, ShardSnapshot>();
  #listeners: (() => void)[] = [];

  constructor(options: ServerMachineOptions) {
    this.#options = options;
    this.#start();
  }

  /** Calls back when the process that runs now is killed. */
  whenKilled(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Kills the process if one runs, and starts another after a while. */
  restart(): void {
    if (!this.host) return;
    const { time, random, slowness } = this.#options;
    this.host = undefined;
    for (const listener of this.#listeners.splice(0)) listener();
    time.after(random() * slowness, () => this.#start());
  }

  #start(): void {
    const { shard, shards, workers, policy, time } = this.#options;
    const host = new ShardHost({
      place: { version: 'simulated', workers, shard, shards },
      policy,
      createRule: async () => this.#gradientDescent(() => host === this.host),
      snapshots: this.#openDisk(() => host === this.host),
      now: () => time.now,
      onNotice: (line) => this.notices.push(line),
    });
    this.host = host;
    const tick = (): void => {
      if (host !== this.host) return;
      host.tell({ type: 'tick' });
      time.after(tickSeconds, tick);
    };
    tick();
  }

  #gradientDescent(isAlive: () => boolean): UpdateRule {
    return {
      apply: async ({ values: { parameters }, gradient, learningRate, step }) => {
        if (!isAlive()) return;
        this.updates.push(step);
        const { values, ranges } = gradient;
        for (let k = 0; k < ranges.length; k += 2) {
          for (let i = ranges[k]!; i < ranges[k + 1]!; i++) parameters[i]! -= learningRate * values[i]!;
        }
      },
    };
  }

  /** The disk as a process sees it: what it is writing when it is killed is lost. */
  #openDisk(isAlive: () => boolean): SnapshotStore {
    const disk = this.#disk;
    const { time, random, slowness, keepSnapshots } = this.#options;
    return {
      adopt: () => undefined,
      foreign: 0,
      get steps() {
        return [...disk.keys()].toSorted((a, b) => a - b);
      },
      write: (snapshot) =>
        new Promise((resolve) => {
          time.after(random() * slowness, () => {
            if (!isAlive()) return;
            disk.set(snapshot.step, read(snapshot));
            for (const step of this.steps.slice(0, -keepSnapshots)) disk.delete(step);
            resolve();
          });
        }),
      read: async (step) => {
        for (const later of [...disk.keys()].filter((other) => other > step)) disk.delete(later);
        this.updates.push(-step);
        return structuredClone(disk.get(step)!);
      },
      clear: async () => disk.clear(),
    };
  }

  get steps(): number[] {
    return [...this.#disk.keys()].toSorted((a, b) => a - b);
  }
}

/** What is written when the disk gets to it: the values of the snapshot's step, whatever updates have run meanwhile. */
function read({ step, values }: FrozenSnapshot): ShardSnapshot {
  const slots = Object.fromEntries(Object.entries(values.slots).map(([name, slot]) => [name, whole(slot)]));
  return { step, values: { parameters: whole(values.parameters), slots, lanes: whole(values.lanes) } };
}

function whole(vector: FrozenVector): Float32Array {
  const values = new Float32Array(vector.length);
  let at = 0;
  for (const piece of vector.pieces()) {
    values.set(piece, at);
    at += piece.length;
  }
  return values;
}
