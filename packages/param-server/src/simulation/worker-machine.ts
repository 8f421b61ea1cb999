/** A simulated place for a worker's process, which is started again when it was killed. */
import { elementCount } from '@unroll/core/onnx';
import { ParameterClient } from '../client/client.js';
import type { NamedGradients } from '../client/gradient-rows.js';
import type { Snapshot, StepOptions } from '../client/options.js';
import type { GradientCodec } from '../codecs/codec.js';
import type { ModelDescription } from '../model.js';
import type { LaneRange } from '../shard/messages.js';
import type { NamedValues } from '../shard-vector.js';
import type { RowIds } from '../tables/row-selection.js';
import type { ServerMachine } from './server-machine.js';
import { type Network, UnreliableCalls } from './unreliable-calls.js';
import type { VirtualTime } from './virtual-time.js';

/** What is trained: a pure function of lanes, step and parameters. */
export interface SimulatedTask {
  readonly model: ModelDescription;
  readonly codec?: GradientCodec;
  readonly steps: number;
  readonly learningRate: number;
  /** Gradients come one after the other, and a worker goes on when it has the parameter that is first by name. */
  readonly inStages?: boolean;
  readonly initial: () => NamedValues;
  /** The rows of tables that some lanes look up; {@link compute} gets these of the tables. */
  readonly rowIds?: (lanes: LaneRange, step: number) => RowIds;
  /** The gradient of some lanes, and their states after the step, `[lanes of the range, width]`. */
  readonly compute: (
    lanes: LaneRange,
    step: number,
    parameters: NamedValues,
    laneStates: Float32Array,
  ) => { readonly gradients: NamedGradients; readonly laneStates: Float32Array };
}

export interface WorkerMachineOptions {
  readonly task: SimulatedTask;
  readonly worker: number;
  readonly workers: number;
  readonly servers: readonly ServerMachine[];
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly network: Network;
  /** The longest that a restart takes, in virtual seconds. */
  readonly slowness: number;
  /** Steps between the checkpoints that the worker keeps; 0 for none. */
  readonly checkpointEvery: number;
}

const heartbeatSeconds = 7;

export class WorkerMachine {
  /** Resolves when a process hears that all workers have finished. */
  readonly finished: Promise<void>;
  /** What the last process held when it had nothing left to do. */
  result: NamedValues | undefined;
  readonly #options: WorkerMachineOptions;
  #incarnation = 0;
  /** A process that is started again goes on from this; it survives, as a file does. */
  #checkpoint: Snapshot | undefined;
  #calls: readonly UnreliableCalls[] = [];
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

  /** Kills the process if one runs, and starts another after a while. */
  restart(): void {
    const { time, random, slowness } = this.#options;
    for (const calls of this.#calls) calls.cut();
    const incarnation = ++this.#incarnation;
    time.after(random() * slowness, () => {
      if (incarnation === this.#incarnation) this.#start(incarnation);
    });
  }

  #start(incarnation: number): void {
    const { servers, time, random, network } = this.#options;
    this.#calls = servers.map((server) => new UnreliableCalls(server, time, random, network));
    this.#train(incarnation).then(this.#finish, (error) => {
      // What a killed process thinks of its death is of no interest.
      if (incarnation === this.#incarnation) this.#fail(error);
    });
  }

  async #train(incarnation: number): Promise<void> {
    const { steps, learningRate, compute, initial } = this.#options.task;
    const client = this.#connect(incarnation);
    const parameters = initial();
    await client.enter(parameters);
    const { width } = this.#options.task.model.lanes;
    const enteredStates = () => client.laneStates.slice(client.lanes.from * width, client.lanes.to * width);
    let states: Float32Array = enteredStates();
    for (;;) {
      while (client.step < steps) {
        const rows = await this.#lookUp(client);
        if (rows) {
          const { gradients, laneStates } = compute(client.lanes, client.step, { ...parameters, ...rows }, states);
          const update = await client.update({ ...this.#inStages(gradients), learningRate, laneStates });
          states = update ? laneStates : enteredStates();
          if (update && (await this.#keepCheckpoint(client))) states = enteredStates();
        } else states = enteredStates();
      }
      if (await client.meet()) {
        const read = this.#options.task.rowIds ? (await client.snapshot())?.parameters : parameters;
        if (incarnation === this.#incarnation && read) this.result = structuredClone(read);
        if (read && (await client.finish())) return void client.close();
      }
      states = enteredStates();
    }
  }

  /** @returns whether a checkpoint was due; the servers may then be elsewhere */
  async #keepCheckpoint(client: ParameterClient): Promise<boolean> {
    const { checkpointEvery } = this.#options;
    if (checkpointEvery === 0 || client.step % checkpointEvery > 0) return false;
    this.#checkpoint = (await client.snapshot()) ?? this.#checkpoint;
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

  /** The rows of tables that the step needs; undefined if the servers were elsewhere. */
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

  #connect(incarnation: number): ParameterClient {
    const { task, worker, workers, time } = this.#options;
    // The process knows the checkpoint that it was started with, whatever it writes later.
    const checkpoint = this.#checkpoint;
    const caller = { worker, incarnation, generation: 0, lease: 0 };
    const options = {
      ...task.model,
      ...(task.codec ? { codec: task.codec } : {}),
      ...{ worker, workers, incarnation, version: 'simulated', servers: [] },
      start: {
        step: checkpoint?.step ?? 0,
        values: async () => structuredClone(checkpoint) ?? { parameters: task.initial() },
        snapshots: 'restore',
      } as const,
    };
    return new ParameterClient(options, {
      connections: this.#calls,
      sleep: (seconds) => new Promise((resolve) => time.after(seconds, resolve)),
      startHeartbeats: (_, onBeat) => {
        const beat = (): void => {
          if (incarnation !== this.#incarnation) return;
          for (const [shard, calls] of this.#calls.entries()) calls.beat(shard, caller, onBeat);
          time.after(heartbeatSeconds, beat);
        };
        beat();
        return () => undefined;
      },
    });
  }
}
