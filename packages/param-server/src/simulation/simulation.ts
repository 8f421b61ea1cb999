/**
 * Simulates a whole training run in one process and in virtual time. Uses the client and shards of real runs, over a
 * network and under crashes that follow a seed. A seed that fails is a test case.
 */
import type { Snapshot } from '../client/options.js';
import type { NamedValues } from '../vectors/shard-vector.js';
import { LyingMachine } from './lying-machine.js';
import { type Disk, ServerMachine } from './server-machine.js';
import { type MachineSpeeds, TimedMachines } from './timed-machines.js';
import type { Network } from './unreliable-calls.js';
import { seededRandom, VirtualTime } from './virtual-time.js';
import { type SharedStorage, type SimulatedTask, WorkerMachine } from './worker-machine.js';

export interface SimulationOptions {
  readonly seed: number;
  readonly workers: number;
  readonly shards: number;
  readonly network: Network;
  readonly task: SimulatedTask;
  /** The speeds of links and machines; the network then neither loses nor delays by chance. */
  readonly speeds?: MachineSpeeds;
  /** How often something is killed during the run; it restarts. */
  readonly crashes?: Crashes;
  /** With fewer than all workers, the run is elastic. */
  readonly minWorkers?: number;
  /** The number of workers that steps may leave out. */
  readonly backupWorkers?: number;
  /** Silence, in virtual seconds, after which a worker is lost. */
  readonly patienceSeconds?: number;
  /** The longest absence of a killed worker other than the first, in virtual seconds. */
  readonly absence?: number;
  /** The number of updates between snapshots; 0 takes none. */
  readonly snapshotEvery?: number;
  /** By default as slow as a restart, and without failures. */
  readonly disk?: Pick<Disk, 'slowness' | 'failures'>;
  /**
   * The number of steps between the checkpoints that the chief writes, and that restarted workers continue from; 0
   * writes none.
   */
  readonly checkpointEvery?: number;
  /** Follows the run until all have said goodbye and every server has ended. */
  readonly toTheEnd?: boolean;
}

export interface Crashes {
  /** Number of times that about half of the workers are killed. */
  readonly workers?: number;
  /** Number of times that one server is killed. */
  readonly servers?: number;
  /** Number of times that all workers and servers are killed. */
  readonly everything?: number;
  /** Number of times that a second process of a running worker is started. */
  readonly copies?: number;
  /** Number of times that a worker leaves, where it may, and comes back. */
  readonly goodbyes?: number;
  /** Number of times that a process which lies takes the part of a worker. */
  readonly lies?: number;
  /** Number of times that a server stands still, and for how many virtual seconds. */
  readonly pauses?: { readonly times: number; readonly seconds: number };
  /** The workers that are killed for good. */
  readonly forGood?: readonly number[];
}

export interface SimulationResult {
  /** The parameters that each worker held at the end; undefined for an absent worker. */
  readonly parameters: readonly (NamedValues | undefined)[];
  /** The numbers of the updates that each shard applied, in order. A negative number is a snapshot that it restored. */
  readonly updates: readonly (readonly number[])[];
  /** The last checkpoint that was written. */
  readonly checkpoint: Snapshot | undefined;
  /** With speeds: when each worker began to compute its steps, in virtual seconds. */
  readonly stepStarts: readonly (readonly number[])[];
  /** The notices of the shards. */
  readonly notices: readonly string[];
}

/** The duration of a step in network delays, assumed when crashes are scheduled. */
const stepDelays = 16;

/** Trains to the last step, whatever the seed brings. Shards use plain gradient descent. */
export async function simulateTraining(options: SimulationOptions): Promise<SimulationResult> {
  const { seed, workers, shards, network, task, speeds, crashes = {}, minWorkers = workers } = options;
  const { snapshotEvery = 0, patienceSeconds = 1e6, backupWorkers = 0 } = options;
  const slowness = network.maxDelay * 3;
  const { absence = slowness, checkpointEvery = 0 } = options;
  const disk = { keepSnapshots: 3, ...(options.disk ?? { slowness, failures: 0 }) };
  const time = new VirtualTime();
  const random = seededRandom(seed);
  const policy = { minWorkers, backupWorkers, leaseSeconds: 30, patienceSeconds, snapshotEvery };
  const common = { workers, time, random };
  const timed = speeds && new TimedMachines(speeds, workers, shards, time);
  const storage: SharedStorage = { checkpoint: undefined };
  const servers = Array.from(
    { length: shards },
    (_, shard) => new ServerMachine({ ...common, shard, shards, policy, slowness, disk, machines: timed }),
  );
  const machines = Array.from(
    { length: workers },
    (_, worker) =>
      new WorkerMachine({
        ...common,
        ...{ task, worker, servers, network, slowness: worker === 0 ? slowness : absence },
        ...{ storage, checkpointEvery, machines: timed },
      }),
  );
  const sometime = (times: number | undefined, crash: () => void) => {
    for (let k = 0; k < (times ?? 0); k++) time.after(random() * task.steps * network.maxDelay * stepDelays, crash);
  };
  sometime(crashes.workers, () => {
    for (const machine of machines) if (random() < 0.5) machine.restart();
  });
  sometime(crashes.servers, () => servers[Math.floor(random() * shards)]!.restart());
  const oneOf = <Machine>(all: readonly Machine[]) => all[Math.floor(random() * all.length)]!;
  sometime(crashes.copies, () => oneOf(machines).copy());
  sometime(crashes.lies, () => {
    void new LyingMachine({ ...common, task, servers, network }).lie();
  });
  sometime(crashes.goodbyes, () => oneOf(machines).leave());
  const { pauses } = crashes;
  sometime(pauses?.times, () => oneOf(servers).pause(pauses!.seconds));
  for (const worker of crashes.forGood ?? []) sometime(1, () => machines[worker]!.vanish());
  sometime(crashes.everything, () => {
    for (const machine of [...machines, ...servers]) machine.restart();
  });
  const first = Promise.race(machines.map((machine) => machine.finished));
  const ended = first.then(() => Promise.all(servers.map((server) => server.finished)));
  await time.runUntil<unknown>(options.toTheEnd ? ended : first);
  return {
    parameters: machines.map(({ result }) => result),
    checkpoint: storage.checkpoint,
    updates: servers.map((server) => server.updates),
    stepStarts: timed?.stepStarts ?? [],
    notices: servers.flatMap(({ notices }) => notices),
  };
}
