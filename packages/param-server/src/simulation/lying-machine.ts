/**
 * A simulated process that has been let in and lies: it takes the part of a worker and claims numbers that are not so. It
 * sends no gradient, with which it could move the parameters, does not say goodbye for a worker, and begins no run on all
 * servers at once: workers are trusted with these.
 */
import { writeModel } from '../wire/wire-messages.js';
import type { ServerMachine } from './server-machine.js';
import { type Network, UnreliableCalls } from './unreliable-calls.js';
import type { VirtualTime } from './virtual-time.js';
import type { SimulatedTask } from './worker-machine.js';

export interface LyingMachineOptions {
  readonly task: SimulatedTask;
  readonly workers: number;
  readonly servers: readonly ServerMachine[];
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly network: Network;
}

const last = Number.MAX_SAFE_INTEGER;

export class LyingMachine {
  readonly #options: LyingMachineOptions;

  constructor(options: LyingMachineOptions) {
    this.#options = options;
  }

  /** Joins one server as some worker and tells it some lies; resolves when all are answered. */
  async lie(): Promise<void> {
    const { task, workers, servers, time, random, network } = this.#options;
    const one = (count: number) => Math.floor(random() * count);
    const shard = one(servers.length);
    const calls = new UnreliableCalls(servers[shard]!, time, random, network);
    const identity = { worker: one(workers), incarnation: one(2 ** 48) };
    const place = { version: 'simulated', workers, shard, shards: servers.length };
    // Only the first server can be joined without a number.
    const claim = shard === 0 ? { above: one(last) } : { ordinal: one(last), chief: true };
    const request = { caller: identity, ...place, ...writeModel(task.model), ...claim };
    const joined = await calls.join(request).catch(() => undefined);
    const { generation = 0, step = 0 } = joined ?? {};
    const caller = { ...identity, generation, lease: one(2 ** 32) };
    const sumOfSquares = random();
    const lanes = { lanesFrom: 0, lanesTo: task.model.lanes.count, counted: [] };
    const lies = [
      () => calls.push({ caller, step, learningRate: task.learningRate, ...lanes }),
      () => calls.restore({ caller: { ...caller, generation: last }, step: one(100), generation: last }),
      () => calls.initialize({ caller, step: one(2 ** 31), generation: generation + one(2 ** 21) }),
      () => calls.commit({ caller: { ...caller, lease: 0 }, step, sumOfSquares }),
    ];
    for (const lie of lies) if (random() < 0.5) await lie().catch(() => undefined);
    calls.cut();
  }
}
