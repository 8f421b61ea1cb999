/**
 * A whole training run in one process and in virtual time: the client and the shards that real runs use, over a network
 * and under crashes that follow a seed. A seed that fails is a test case.
 */
import { type InitialValues, ParameterClient } from '../client/client.js';
import type { ModelDescription } from '../model.js';
import { ShardHost } from '../shard-host.js';
import type { NamedValues } from '../shard-vector.js';
import type { UpdateRule } from '../update-rule.js';
import { type Network, UnreliableCalls } from './unreliable-calls.js';
import { seededRandom, VirtualTime } from './virtual-time.js';

export interface SimulationOptions {
  readonly seed: number;
  readonly workers: number;
  readonly shards: number;
  readonly steps: number;
  readonly network: Network;
  /** How often, over the run, about half of the worker processes are killed; they restart with newer incarnations. */
  readonly crashes: number;
  readonly model: ModelDescription;
  readonly initial: InitialValues;
  readonly learningRate: number;
  readonly gradients: (worker: number, step: number, parameters: NamedValues) => NamedValues;
}

export interface SimulationResult {
  /** The parameters that each worker held at the end. */
  readonly parameters: readonly NamedValues[];
  /** The numbers of the updates that each shard applied, in order. */
  readonly updates: readonly (readonly number[])[];
}

/** Longer than any simulated run, so that restarts, not leases, are what is simulated. */
const leaseSeconds = 1e6;

/** Trains to the last step, whatever the seed brings. Shards use plain gradient descent. */
export async function simulateTraining(options: SimulationOptions): Promise<SimulationResult> {
  const { workers, shards } = options;
  const time = new VirtualTime();
  const random = seededRandom(options.seed);
  const updates = Array.from({ length: shards }, () => [] as number[]);
  const hosts = updates.map((applied, shard) => {
    const place = { version: 'simulated', workers, shard, shards };
    return new ShardHost(
      place,
      leaseSeconds,
      async () => gradientDescent(applied),
      () => time.now,
    );
  });
  const machines = Array.from({ length: workers }, (_, worker) => new Machine(options, worker, hosts, time, random));
  for (let crash = 0; crash < options.crashes; crash++) {
    time.after(random() * options.steps * options.network.maxDelay * 16, () => {
      for (const machine of machines) if (random() < 0.5) machine.restart();
    });
  }
  const parameters = await time.runUntil(Promise.all(machines.map((machine) => machine.finished)));
  return { parameters, updates };
}

/** A place for a worker process, which is started again when it was killed. */
class Machine {
  readonly finished: Promise<NamedValues>;
  #incarnation = 0;
  #calls: readonly UnreliableCalls[] = [];
  #finish!: (parameters: NamedValues) => void;
  #fail!: (error: unknown) => void;

  constructor(
    readonly options: SimulationOptions,
    readonly worker: number,
    readonly hosts: readonly ShardHost[],
    readonly time: VirtualTime,
    readonly random: () => number,
  ) {
    this.finished = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    this.restart();
  }

  /** Kills the process if one runs, and starts another after a while. */
  restart(): void {
    for (const calls of this.#calls) calls.cut();
    const incarnation = ++this.#incarnation;
    this.time.after(this.random() * this.options.network.maxDelay * 3, () => {
      if (incarnation === this.#incarnation) this.#start(incarnation);
    });
  }

  #start(incarnation: number): void {
    const { time, random } = this;
    this.#calls = this.hosts.map((host) => new UnreliableCalls(host, time, random, this.options.network));
    this.#train(incarnation).then(this.#finish, (error) => {
      // What a killed process thinks of its death is of no interest.
      if (incarnation === this.#incarnation) this.#fail(error);
    });
  }

  async #train(incarnation: number): Promise<NamedValues> {
    const { model, initial, steps, learningRate, gradients, workers } = this.options;
    const { worker } = this;
    const run = { worker, workers, incarnation, version: 'simulated', servers: this.hosts.map(String), ...model };
    await using client = await ParameterClient.join(run, this.#calls);
    if (worker === 0) await client.initialize(initial);
    const values = copyOf(initial.parameters);
    await client.pull(values);
    while (client.step < steps) {
      await client.update({ gradients: gradients(worker, client.step, values), learningRate, parameters: values });
    }
    return values;
  }
}

function gradientDescent(applied: number[]): UpdateRule {
  return {
    async apply({ values: { parameters }, gradient, learningRate, step }) {
      applied.push(step);
      for (let i = 0; i < parameters.length; i++) parameters[i]! -= learningRate * gradient[i]!;
    },
  };
}

function copyOf(values: NamedValues): NamedValues {
  return Object.fromEntries(Object.entries(values).map(([name, array]) => [name, array.slice()]));
}
