/** What a training worker holds: the parameter servers of its run as one, in synchronous mode. It computes no gradients. */
import { status } from '@grpc/grpc-js';
import { elementCount, optimizerSlots } from '@unroll/core';
import type { unroll } from '../generated/parameter-server.js';
import type { ModelDescription } from '../model.js';
import { partition, type ShardLayout } from '../partition.js';
import { chunksOf, type NamedValues, nonzeroRows, partsOfParameters, scatterChunk } from '../shard-vector.js';
import { writeModel } from '../wire-messages.js';
import { ParameterServerError } from './errors.js';
import type { ShardCalls } from './shard-calls.js';
import { ShardConnection } from './shard-connection.js';

export interface ParameterClientOptions extends ModelDescription {
  /** Addresses as `host:port`, in the order of their shards. */
  readonly servers: readonly string[];
  /** This worker's index, in `[0, workers)`. */
  readonly worker: number;
  readonly workers: number;
  /** Greater for every restart of this worker, so that what is left of an older process is ignored; a start time will do. */
  readonly incarnation: number;
  /** The version of Unroll, which the servers must have too. */
  readonly version: string;
  /** How long to wait for the servers to start. */
  readonly connectSeconds?: number;
  /** The longest that a step may take the slowest worker: the deadline of every call. */
  readonly callSeconds?: number;
}

/** The values that a run starts from. */
export interface InitialValues {
  readonly parameters: NamedValues;
  /** The optimizer's state by slot, then by parameter, to resume with; zeros where it is missing. */
  readonly slots?: Readonly<Record<string, NamedValues>>;
  /** Updates that the values have seen. */
  readonly step?: number;
}

/** What a checkpoint holds. */
export interface Snapshot {
  readonly step: number;
  readonly parameters: NamedValues;
  readonly slots: Readonly<Record<string, NamedValues>>;
}

export interface StepOptions {
  /** Of the mean loss over this worker's part of the batch, by parameter name. */
  readonly gradients: NamedValues;
  /** Of this step; every worker must give the same. */
  readonly learningRate: number;
  /** Holds the parameters as they were last pulled, and receives them as they are after the update. */
  readonly parameters: NamedValues;
}

/** One server, what it holds, and what it said when this worker joined. */
interface Shard {
  readonly connection: ShardCalls;
  readonly layout: ShardLayout;
  joined: unroll.v1.JoinResponse;
}

/**
 * Connects to the parameter servers of a run and joins it. Workers other than 0 wait until worker 0 has initialised.
 * @throws ParameterServerError if a server cannot be reached or refuses this worker; the message says which and why
 * @example
 * const client = await connectParameterServers({ servers, worker: 0, workers: 2, ...model, incarnation, version });
 * await client.initialize({ parameters });            // worker 0
 * await client.pull(parameters);
 * while (client.step < steps) {
 *   const gradients = await compute(parameters, client.step);
 *   await client.update({ gradients, learningRate, parameters });
 * }
 * await client.close();
 */
export async function connectParameterServers(options: ParameterClientOptions): Promise<ParameterClient> {
  const { servers, connectSeconds = 30, callSeconds = 600 } = options;
  const connections = servers.map((server, i) => new ShardConnection(server, i, servers.length, callSeconds));
  try {
    await Promise.all(connections.map((connection) => connection.waitForServer(connectSeconds)));
    return await ParameterClient.join(options, connections);
  } catch (error) {
    for (const connection of connections) connection.close();
    throw error;
  }
}

export class ParameterClient implements AsyncDisposable {
  readonly #options: ParameterClientOptions;
  readonly #caller: { worker: number; incarnation: number };
  readonly #shards: readonly Shard[];
  readonly #heartbeats: NodeJS.Timeout;
  #step = 0;

  /** @internal Joins the run over connections that exist; others use {@link connectParameterServers}. */
  static async join(options: ParameterClientOptions, connections: readonly ShardCalls[]): Promise<ParameterClient> {
    const layouts = partition(options.parameters, connections.length);
    const shards = connections.map(async (connection, shard) => ({
      connection,
      layout: layouts[shard]!,
      joined: await connection.join(joinRequest(options, shard)),
    }));
    return new ParameterClient(options, await Promise.all(shards));
  }

  private constructor(options: ParameterClientOptions, shards: readonly Shard[]) {
    this.#options = options;
    this.#caller = { worker: options.worker, incarnation: options.incarnation };
    this.#shards = shards;
    const lease = Math.min(...shards.map(({ joined }) => joined.leaseSeconds));
    // A heartbeat that fails says nothing that the next push or pull will not say.
    const beat = () => {
      for (const { connection } of shards) connection.heartbeat({ caller: this.#caller }).catch(() => undefined);
    };
    this.#heartbeats = setInterval(beat, (lease * 1000) / 6).unref();
  }

  /** Updates that the parameters have seen which were pulled last. */
  get step(): number {
    return this.#step;
  }

  /** Gives the servers their first values. Those that have values, because this worker was restarted, keep them. */
  async initialize({ parameters, slots = {}, step = 0 }: InitialValues): Promise<void> {
    await this.#onShards(async (shard) => {
      if (shard.joined.initialized) return;
      await this.#upload(shard, 'parameters', step, parameters);
      for (const [name, values] of Object.entries(slots)) await this.#upload(shard, name, step, values);
      await shard.connection.initialize({ caller: this.#caller, step });
    });
  }

  /** Reads the parameters as they are now into `parameters`: how a worker starts, or starts again. */
  async pull(parameters: NamedValues): Promise<void> {
    for (;;) {
      await this.#onShards(async (shard, index) => {
        shard.joined = await shard.connection.join(joinRequest(this.#options, index));
      });
      const start = resumption(this.#shards.map(({ joined }) => joined));
      if (start && (await this.#pullUnlessPassed(start.step, start.sumOfSquares, parameters))) return;
    }
  }

  /**
   * One synchronous step: pushes this worker's gradients and, when all workers have, pulls the updated parameters.
   * @returns the global norm of the averaged gradient before clipping
   * @throws ParameterServerError if a worker is lost or has left, or the workers disagree
   */
  async update({ gradients, learningRate, parameters }: StepOptions): Promise<{ gradientNorm: number }> {
    const step = this.#step;
    const sums = await this.#onShards(async (shard) => {
      await this.#upload(shard, 'gradient', step, gradients);
      const { sumOfSquares } = await shard.connection.push({ caller: this.#caller, step, learningRate });
      if (typeof sumOfSquares === 'number') return sumOfSquares;
      throw new Error(`worker ${this.#caller.worker} pushed step ${step}, which is long past; pull before pushing`);
    });
    const sumOfSquares = total(sums);
    await this.#pull({ vector: 'parameters', step: step + 1, sumOfSquares, since: step }, parameters);
    this.#step = step + 1;
    return { gradientNorm: Math.sqrt(sumOfSquares) };
  }

  /** Reads parameters and optimizer state at this worker's step; until it pushes again they do not change. */
  async snapshot(): Promise<Snapshot> {
    const read = async (vector: string): Promise<NamedValues> => {
      const values = emptyValues(this.#options.parameters);
      await this.#pull({ vector, step: this.#step }, values);
      return values;
    };
    const slots: Record<string, NamedValues> = {};
    for (const name of optimizerSlots(this.#options.optimizer)) slots[name] = await read(name);
    return { step: this.#step, parameters: await read('parameters'), slots };
  }

  /** Leaves the run and disconnects. When all workers have left, the servers stop. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeats);
    // A server that is gone cannot be told; its other workers have heard of it already.
    await Promise.allSettled(this.#shards.map(({ connection }) => connection.leave({ caller: this.#caller })));
    for (const { connection } of this.#shards) connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #upload({ connection, layout }: Shard, vector: string, step: number, values: NamedValues): Promise<void> {
    const target = { caller: this.#caller, step, vector };
    const parts = partsOfParameters(layout, values);
    return connection.upload(target, chunksOf(parts, nonzeroRows(parts)));
  }

  /** Whether the shards were still at this step; the other workers may go on between our joining and pulling. */
  async #pullUnlessPassed(step: number, sumOfSquares: number | undefined, parameters: NamedValues): Promise<boolean> {
    try {
      await this.#pull(
        { vector: 'parameters', step, ...(sumOfSquares === undefined ? {} : { sumOfSquares }) },
        parameters,
      );
      this.#step = step;
      return true;
    } catch (error) {
      if (error instanceof ParameterServerError && error.code === status.ABORTED) return false;
      throw error;
    }
  }

  async #pull(request: Omit<unroll.v1.PullRequest, 'caller'>, values: NamedValues): Promise<void> {
    const pulls = this.#shards.map(async ({ connection, layout }) => {
      for await (const chunk of connection.pull({ ...request, caller: this.#caller }))
        scatterChunk(layout, values, chunk);
    });
    // All of them must end before a pull can be repeated: they write to the same arrays.
    await Promise.allSettled(pulls);
    await Promise.all(pulls);
  }

  #onShards<Result>(call: (shard: Shard, index: number) => Promise<Result>): Promise<Result[]> {
    return Promise.all(this.#shards.map(call));
  }
}

function joinRequest(options: ParameterClientOptions, shard: number): unroll.v1.JoinRequest {
  const { worker, incarnation, version, workers, servers } = options;
  return { caller: { worker, incarnation }, version, workers, shard, shards: servers.length, ...writeModel(options) };
}

/**
 * Where a worker that joins takes up. If every worker died between two shards' updates, some shards are a step ahead; the
 * others have all gradients of that step and lack only the global norm, which the shards' sums give. Undefined if the
 * shards answered at moments too far apart for their sums to belong together.
 */
function resumption(
  joined: readonly unroll.v1.JoinResponse[],
): { step: number; sumOfSquares: number | undefined } | undefined {
  const step = Math.max(...joined.map((shard) => shard.step));
  if (joined.every((shard) => shard.step === step)) return { step, sumOfSquares: undefined };
  const sums: number[] = [];
  for (const shard of joined) {
    const sum = shard.step === step ? shard.appliedSumOfSquares : shard.pendingSumOfSquares;
    if (sum === undefined || sum === null) return undefined;
    sums.push(sum);
  }
  return { step, sumOfSquares: total(sums) };
}

/** The sum in shard order, so that every worker finds the same. */
function total(sums: readonly number[]): number {
  return sums.reduce((sum, value) => sum + value, 0);
}

function emptyValues(parameters: ModelDescription['parameters']): NamedValues {
  return Object.fromEntries(parameters.map(({ name, shape }) => [name, new Float32Array(elementCount(shape))]));
}
