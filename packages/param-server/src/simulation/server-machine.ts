/** A simulated machine for a shard's process, which restarts after it was killed; its disk survives. */

import { ShardHost } from '../hosting/shard-host.js';
import type { ShardPolicy } from '../shard/agreement.js';
import type { FrozenVector } from '../snapshots/frozen-vector.js';
import type { FrozenSnapshot, ShardSnapshot, SnapshotStore } from '../snapshots/snapshot.js';
import { AttentiveClock } from '../time/attentive-clock.js';
import type { UpdateRule } from '../update-rules/update-rule.js';
import type { TimedMachines } from './timed-machines.js';
import type { VirtualTime } from './virtual-time.js';

export interface ServerMachineOptions {
  readonly shard: number;
  readonly shards: number;
  readonly workers: number;
  readonly policy: ShardPolicy;
  readonly time: VirtualTime;
  readonly random: () => number;
  /** The longest restart, in virtual seconds. */
  readonly slowness: number;
  readonly disk: Disk;
  /** The speeds of the machines; undefined where updates take no time. */
  readonly machines: TimedMachines | undefined;
}

/** Virtual seconds between a shard's ticks. */
const tickSeconds = 5;

export interface Disk {
  /** The longest read or write of a snapshot, in virtual seconds. */
  readonly slowness: number;
  /** The chance that a read or write fails, and that a write cut off by a kill is completed nevertheless. */
  readonly failures: number;
  readonly keepSnapshots: number;
}

export class ServerMachine {
  /** Undefined while the process is down. */
  host: ShardHost | undefined;
  /**
   * The numbers of the updates applied, in order, over all processes. A negative number is a snapshot that was
   * restored.
   */
  readonly updates: number[] = [];
  readonly notices: string[] = [];
  readonly #options: ServerMachineOptions;
  readonly #disk = new Map<number, ShardSnapshot>();
  #listeners: (() => void)[] = [];
  /** Work that waits for the end of a pause; undefined while there is none. */
  #postponed: (() => void)[] | undefined;
  /** Resolves when a process has heard that the run is over. */
  readonly finished: Promise<void>;
  #finish!: () => void;

  constructor(options: ServerMachineOptions) {
    this.#options = options;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#start();
  }

  /** Calls back when the current process is killed. */
  whenKilled(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Kills the process if one is running, and starts another after a while. */
  restart(): void {
    if (!this.host) return;
    const { time, random, slowness } = this.#options;
    this.host = undefined;
    for (const listener of this.#listeners.splice(0)) listener();
    time.after(random() * slowness, () => this.#start());
  }

  /** Stops the process for some seconds; it then does in order what it would have done meanwhile. */
  pause(seconds: number): void {
    if (this.#postponed) return;
    const postponed: (() => void)[] = [];
    this.#postponed = postponed;
    this.#options.time.after(seconds, () => {
      this.#postponed = undefined;
      for (const work of postponed) work();
    });
  }

  /** Does the work, once the process is not paused. */
  whenAwake(work: () => void): void {
    if (this.#postponed) this.#postponed.push(work);
    else work();
  }

  #start(): void {
    const { shard, shards, workers, policy, time } = this.#options;
    const clock = new AttentiveClock({ now: () => time.now, readEvery: tickSeconds });
    const host = new ShardHost({
      place: { version: 'simulated', workers, shard, shards },
      policy,
      createRule: async () => this.#gradientDescent(() => host === this.host),
      snapshots: this.#openDisk(() => host === this.host),
      now: () => clock.now,
      onNotice: (line) => this.notices.push(line),
    });
    this.host = host;
    void host.finished.then(() => {
      if (host === this.host) this.#finish();
    });
    const tick = (): void => {
      if (host !== this.host) return;
      host.tell({ type: 'tick' });
      time.after(tickSeconds, () => this.whenAwake(tick));
    };
    tick();
  }

  #gradientDescent(isAlive: () => boolean): UpdateRule {
    const { machines, shard } = this.#options;
    return {
      apply: async ({ values: { parameters }, gradient, learningRate, step }) => {
        if (!isAlive()) return;
        this.updates.push(step);
        if (machines) await machines.update(shard, parameters.byteLength);
        const { values, ranges } = gradient;
        for (let k = 0; k < ranges.length; k += 2) {
          for (let i = ranges[k]!; i < ranges[k + 1]!; i++) parameters[i]! -= learningRate * values[i]!;
        }
      },
    };
  }

  /**
   * Opens the disk for a process. It does one thing at a time; a write cut off by a kill is either lost or completed.
   */
  #openDisk(isAlive: () => boolean): SnapshotStore {
    const disk = this.#disk;
    const { time, random, disk: options } = this.#options;
    const stepsOf = () => this.steps;
    const offered = new Set(disk.keys());
    let work: Promise<unknown> = Promise.resolve();
    const inTurn = <Result>(task: () => Result, mayOutlive = false): Promise<Result> => {
      const done = work.then(
        () =>
          new Promise<Result>((resolve, reject) => {
            const finish = () => {
              const strikes = random() < options.failures;
              if (!isAlive() && !(strikes && mayOutlive)) return;
              if (isAlive() && strikes) return reject(new Error('the disk failed'));
              try {
                resolve(task());
              } catch (error) {
                reject(error as Error);
              }
            };
            time.after(random() * options.slowness, () => this.whenAwake(finish));
          }),
      );
      work = done.catch(() => undefined);
      return done;
    };
    const setAside = (after = Number.NEGATIVE_INFINITY) => {
      for (const step of offered) if (step > after) offered.delete(step);
    };
    return {
      adopt: () => undefined,
      foreign: 0,
      foreignShards: undefined,
      obstacle: undefined,
      get steps() {
        return [...offered].toSorted((a, b) => a - b);
      },
      write: (snapshot) =>
        inTurn(() => {
          disk.set(snapshot.step, read(snapshot));
          offered.add(snapshot.step);
          for (const step of stepsOf().slice(0, -options.keepSnapshots)) {
            disk.delete(step);
            offered.delete(step);
          }
        }, true),
      read: (step) =>
        inTurn(() => {
          const snapshot = disk.get(step);
          if (!snapshot) throw new Error(`the snapshot of step ${step} is gone`);
          this.updates.push(-step);
          return structuredClone(snapshot);
        }),
      setAside: async (after) => {
        setAside(after);
        await inTurn(() => {
          setAside(after);
          for (const step of disk.keys()) if (!offered.has(step)) disk.delete(step);
        });
      },
      clear: async () => {
        disk.clear();
        offered.clear();
      },
    };
  }

  get steps(): number[] {
    return [...this.#disk.keys()].toSorted((a, b) => a - b);
  }
}

/** Reads the values of the snapshot's step when the disk gets to it, whatever updates have run meanwhile. */
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
