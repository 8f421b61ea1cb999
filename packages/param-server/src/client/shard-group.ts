/** All parameter servers of a run, called together. The client decides what to ask, and when. */
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { ParameterServerError } from '../errors.js';
import type { unroll } from '../generated/parameter-server.js';
import { scatterValues } from '../tables/row-chunks.js';
import type { ShardLayout } from '../vectors/partition.js';
import type { NamedValues } from '../vectors/shard-vector.js';
import type { ShardCalls } from '../wire/shard-calls.js';

/** One server, and the part of the parameters that it holds. */
export interface ConnectedShard {
  readonly connection: ShardCalls;
  readonly layout: ShardLayout;
}

/** The number of goodbyes to a server that does not answer, and the milliseconds between them. */
const goodbyes = { attempts: 3, pauseMs: 300 };

/** Returns where the last of these parameters ends in a shard's vector. */
function endOf({ slices }: ShardLayout, parameters: ReadonlySet<string>): number {
  const ends = slices.map(({ parameter, offset, length }) => (parameters.has(parameter) ? offset + length : 0));
  return Math.max(0, ...ends);
}

export class ShardGroup {
  readonly #shards: readonly ConnectedShard[];

  /** @param connections in the order of the layouts */
  constructor(connections: readonly ShardCalls[], layouts: readonly ShardLayout[]) {
    this.#shards = connections.map((connection, shard) => ({ connection, layout: layouts[shard]! }));
  }

  get length(): number {
    return this.#shards.length;
  }

  /** The shard that counts steps and keeps the lanes. */
  get first(): ConnectedShard {
    return this.#shards[0]!;
  }

  /** Calls all shards; when one call fails, cancels the others. Nothing is in flight when this settles. */
  async each<Result>(call: (shard: ConnectedShard, index: number) => Promise<Result>): Promise<Result[]> {
    const calls = this.#shards.map(call);
    try {
      return await Promise.all(calls);
    } catch (error) {
      this.interrupt();
      await Promise.allSettled(calls);
      throw error;
    }
  }

  /** Fills `values` with the shards' parts of a vector. */
  async pull(request: unroll.v1.PullRequest, values: NamedValues): Promise<void> {
    await this.each(async ({ connection, layout }) => {
      for await (const chunk of connection.pull(request)) scatterValues(layout, values, chunk);
    });
  }

  /**
   * Same as `pull`, but also calls back once all of the `first` parameters have arrived, at the latest when everything
   * has.
   */
  async pullInOrder(
    request: unroll.v1.PullRequest,
    values: NamedValues,
    first: ReadonlySet<string>,
    onFirst: () => void,
  ): Promise<void> {
    let waiting = this.length;
    await this.each(async ({ connection, layout }) => {
      const end = endOf(layout, first);
      let isWaiting = true;
      const arrived = (): void => {
        if (isWaiting && --waiting === 0) onFirst();
        isWaiting = false;
      };
      for await (const chunk of connection.pull(request)) {
        if ((chunk.offsets[0] ?? 0) >= end) arrived();
        scatterValues(layout, values, chunk);
      }
      arrived();
    });
  }

  /** Cancels the calls in flight: they fail as cancelled. */
  interrupt(): void {
    for (const { connection } of this.#shards) connection.interrupt();
  }

  /**
   * Says goodbye and disconnects. A server waits for a worker whose goodbye was lost, so the goodbye is repeated. A
   * server that is gone cannot be told, and one that refuses need not be.
   */
  async leave(goodbye: unroll.v1.LeaveRequest): Promise<void> {
    await Promise.all(this.#shards.map(({ connection }) => leaveServer(connection, goodbye)));
    for (const { connection } of this.#shards) connection.close();
  }
}

async function leaveServer(connection: ShardCalls, goodbye: unroll.v1.LeaveRequest): Promise<void> {
  for (let attempt = 1; attempt <= goodbyes.attempts; attempt++) {
    try {
      await connection.leave(goodbye);
      return;
    } catch (error) {
      if (attempt === goodbyes.attempts || !isLost(error)) return;
      await sleep(goodbyes.pauseMs);
    }
  }
}

/** Returns whether the server may not have heard the call. */
function isLost(error: unknown): boolean {
  return error instanceof ParameterServerError && lostCodes.has(error.code);
}

const lostCodes = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED]);
