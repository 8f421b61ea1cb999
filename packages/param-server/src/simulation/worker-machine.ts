/** A simulated machine for a worker's process, which restarts after it was killed. */
import { elementCount } from '@unroll/core/onnx';
import { ParameterClient } from '../client/client.js';
import type { Snapshot, StepOptions } from '../client/options.js';
import type { GradientCodec } from '../codecs/codec.js';
import type { LaneRange } from '../shard/messages.js';
import type { RowIds } from '../tables/row-selection.js';
import type { NamedGradients } from '../vectors/gradient-rows.js';
import type { ModelDescription } from '../vectors/model.js';
import type { NamedValues } from '../vectors/shard-vector.js';
import type { ServerMachine } from './server-machine.js';
import type { TimedMachines } from './timed-machines.js';
import { type Network, type TimedRoute, UnreliableCalls } from './unreliable-calls.js';
import type { VirtualTime } from './virtual-time.js';

/** The task to train: a pure function of lanes, step and parameters. */
export interface SimulatedTask {
  readonly model: ModelDescription;
  readonly codec?: GradientCodec;
  readonly steps: number;
  readonly learningRate: number;
  /**
   * Whether gradients arrive one after the other, and a worker continues once it has the parameter that is first by
   * name.
   */
  readonly inStages?: boolean;
  readonly initial: () => NamedValues;
  /** The table rows that the lanes look up; {@link compute} receives only these rows. */
  readonly rowIds?: (lanes: LaneRange, step: number) => RowIds;
  /** Computes the gradient of the lanes, and their states after the step, `[lanes of the range, width]`. */
  readonly compute: (
    lanes: LaneRange,
    step: number,
    parameters: NamedValues,
    laneStates: Float32Array,
  ) => { readonly gradients: NamedGradients; readonly laneStates: Float32Array };
}

/** Storage that all machines reach and that survives them: the folder of the checkpoints. */
export interface SharedStorage {
  checkpoint: Snapshot | undefined;
}

export interface WorkerMachineOptions {
  readonly task: SimulatedTask;
  readonly worker: number;
  readonly workers: number;
  readonly servers: readonly ServerMachine[];
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly network: Network;
  /** The speeds of the machines; undefined where computing takes no time and messages a random one. */
  readonly machines: TimedMachines | undefined;
  /** The longest restart, in virtual seconds. */
  readonly slowness: number;
  readonly storage: SharedStorage;
  /** The number of steps between the checkpoints that the chief writes, besides one at the end; 0 writes none. */
  readonly checkpointEvery: number;
}

interface Process {
  readonly incarnation: number;
  readonly calls: readonly UnreliableCalls[];
  isDead: boolean;
  isLeaving: boolean;
}

const heartbeatSeconds = 7;

export class WorkerMachine {
  /** Resolves when a process hears that all workers have finished. */
  readonly finished: Promise<void>;
  /** The parameters of the last process when it had nothing left to do. */
  result: NamedValues | undefined;
  readonly #options: WorkerMachineOptions;
  readonly #processes = new Set<Process>();
  #isGone = false;
  #starts = 0;
  #finish!: () => void;
  #fail!: (error: unknown) => void;

  constructor(options: WorkerMachineOptions) {
    this.#options = options;
    this.finished = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    this.restart();
  }

  /** Kills the process if one is running, and starts another after a while. */
  restart(): void {
    this.#kill();
    const start = ++this.#starts;
    this.#sometime(() => {
      if (start === this.#starts) this.#start();
    });
  }

  /** Starts another process while one is running: they compete for their place. */
  copy(): void {
    this.#sometime(() => this.#start());
  }

  /** Makes the process leave the run after its step, if it may, and come back after a while. */
  leave(): void {
    for (const process of this.#processes) process.isLeaving = true;
  }

  /** Kills the process for good. */
  vanish(): void {
    this.#isGone = true;
    this.#kill();
  }

  #kill(): void {
    for (const process of this.#processes) {
      process.isDead = true;
      for (const calls of process.calls) calls.cut();
    }
    this.#processes.clear();
  }

  #sometime(run: () => void): void {
    const { time, random, slowness } = this.#options;
    time.after(random() * slowness, run);
  }

  #start(): void {
    if (this.#isGone) return;
    const { servers, time, random, network } = this.#options;
    const calls = servers.map(
      (server, shard) => new UnreliableCalls(server, time, random, network, this.#routeTo(shard)),
    );
    // Random, like the incarnation of a real process.
    const incarnation = Math.floor(random() * 2 ** 48);
    const process: Process = { incarnation, calls, isDead: false, isLeaving: false };
    this.#processes.add(process);
    this.#train(process).then(
      (outcome) => {
        this.#processes.delete(process);
        if (outcome === 'finished') this.#finish();
        else this.restart();
      },
      (error: Error) => this.#hasFailed(process, error),
    );
  }

  #routeTo(shard: number): TimedRoute | undefined {
    const { machines, worker } = this.#options;
    return (
      machines && {
        toServer: (bytes, arrive) => machines.carryToServer(worker, shard, bytes, arrive),
        toWorker: (bytes, arrive) => machines.carryToWorker(shard, worker, bytes, arrive),
      }
    );
  }

  #hasFailed(process: Process, error: Error): void {
    // Ignore the errors of a killed process.
    if (process.isDead) return;
    this.#processes.delete(process);
    if (!error.message.includes('replaced by a process that joined later')) this.#fail(error);
    else if (this.#processes.size === 0) this.restart();
  }

  async #train(process: Process): Promise<'finished' | 'left'> {
    const { storage, checkpointEvery, machines, worker } = this.#options;
    const { steps, learningRate, compute, initial, rowIds } = this.#options.task;
    const client = this.#connect(process);
    const parameters = initial();
    await client.enter(parameters);
    const { width } = this.#options.task.model.lanes;
    const enteredStates = () => client.laneStates.slice(client.lanes.from * width, client.lanes.to * width);
    let states: Float32Array = enteredStates();
    for (;;) {
      while (client.step < steps) {
        const rows = await this.#lookUp(client);
        if (rows) {
          if (machines) await machines.compute(worker, client.step);
          const { gradients, laneStates } = compute(client.lanes, client.step, { ...parameters, ...rows }, states);
          const update = await client.update({ ...this.#inStages(gradients), learningRate, laneStates });
          states = update ? laneStates : enteredStates();
          if (update && (await this.#keepCheckpoint(client, process))) states = enteredStates();
        } else states = enteredStates();
        if (process.isLeaving && client.mayLeave) {
          await client.close();
          return 'left';
        }
      }
      if (await client.meet()) {
        const read = rowIds ? (await client.snapshot())?.parameters : parameters;
        if (!process.isDead && read) this.result = structuredClone(read);
        if (read) await this.#keepCheckpoint(client, process);
        const isWritten = checkpointEvery === 0 || !client.isChief || storage.checkpoint?.step === steps;
        if (read && isWritten && client.step === steps && (await client.finish())) {
          void client.close();
          return 'finished';
        }
      }
      states = enteredStates();
    }
  }

  /** @returns whether a checkpoint was due; the servers may then be elsewhere */
  async #keepCheckpoint(client: ParameterClient, process: Process): Promise<boolean> {
    const { checkpointEvery, storage, task } = this.#options;
    const isDue = checkpointEvery > 0 && (client.step % checkpointEvery === 0 || client.step === task.steps);
    if (!isDue || !client.isChief || storage.checkpoint?.step === client.step) return false;
    const snapshot = await client.snapshot();
    await new Promise<void>((written) => this.#sometime(written));
    if (snapshot && (await client.confirm()) && !process.isDead) storage.checkpoint = snapshot;
    return true;
  }

  #inStages(gradients: NamedGradients): Pick<StepOptions, 'gradients' | 'later' | 'first'> {
    const { task, time, random, network } = this.#options;
    if (!task.inStages) return { gradients };
    const [last, ...others] = Object.entries(gradients).toSorted(([a], [b]) => (a < b ? 1 : -1));
    const later = new Promise<NamedGradients>((resolve) =>
      time.after(random() * network.maxDelay, () => resolve(Object.fromEntries(others))),
    );
    return { gradients: Object.fromEntries([last!]), later, first: new Set(others.map(([name]) => name).slice(-1)) };
  }

  /** Pulls the table rows that the step needs; undefined if the servers were elsewhere. */
  async #lookUp(client: ParameterClient): Promise<NamedValues | undefined> {
    const { rowIds, model } = this.#options.task;
    const ids = rowIds?.(client.lanes, client.step) ?? {};
    const widthOf = (table: string) =>
      elementCount(model.parameters.find(({ name }) => name === table)!.shape.slice(1));
    const rows = Object.fromEntries(
      Object.entries(ids).map(([table, { length }]) => [table, new Float32Array(length * widthOf(table))]),
    );
    return (await client.pullRows(ids, rows)) ? rows : undefined;
  }

  #connect({ incarnation, calls }: Process): ParameterClient {
    const { task, worker, workers, time, storage } = this.#options;
    // The process continues from the checkpoint at its start, whatever is written later.
    const { checkpoint } = storage;
    const caller = { worker, incarnation, generation: 0, lease: 0 };
    const options = {
      ...task.model,
      ...(task.codec ? { codec: task.codec } : {}),
      ...{ worker, workers, version: 'simulated', serverAddresses: [] },
      start: {
        step: checkpoint?.step ?? 0,
        values: async () => structuredClone(checkpoint) ?? { parameters: task.initial() },
        snapshots: 'restore',
      } as const,
    };
    return new ParameterClient(options, {
      connections: calls,
      incarnation,
      sleep: (seconds) => new Promise((resolve) => time.after(seconds, resolve)),
      startHeartbeats: (_, onBeat) => {
        let isStopped = false;
        const beat = (): void => {
          if (isStopped || ![...this.#processes].some((process) => process.incarnation === incarnation)) return;
          for (const [shard, connection] of calls.entries()) connection.beat(shard, caller, onBeat);
          time.after(heartbeatSeconds, beat);
        };
        beat();
        return () => {
          isStopped = true;
        };
      },
    });
  }
}
