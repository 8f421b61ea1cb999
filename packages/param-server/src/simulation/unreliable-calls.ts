/**
 * A client's calls to a shard in the same process, over a network that delays, reorders, loses, repeats and cuts. A call
 * whose request or answer is lost is made again after a time, as a client that retries would.
 */

import { status } from '@grpc/grpc-js';
import { ParameterServerError } from '../client/errors.js';
import type { ShardCalls } from '../client/shard-calls.js';
import type { unroll } from '../generated/parameter-server.js';
import type { Answer, Caller } from '../shard/messages.js';
import { Refusal } from '../shard/refusal.js';
import type { ShardHost, UnnumberedRequest } from '../shard-host.js';
import { type Chunk, piecesOf } from '../shard-vector.js';
import { readCaller, readRun } from '../wire-messages.js';
import type { VirtualTime } from './virtual-time.js';

/** Chances are per message; times in virtual seconds. */
export interface Network {
  readonly loss: number;
  readonly duplication: number;
  readonly maxDelay: number;
}

const retryAfter = 10;

export class UnreliableCalls implements ShardCalls {
  #isCut = false;

  constructor(
    readonly host: ShardHost,
    readonly time: VirtualTime,
    readonly random: () => number,
    readonly network: Network,
  ) {}

  /** The process at this end is dead: it sends and hears nothing any more. What it has sent still arrives. */
  cut(): void {
    this.#isCut = true;
  }

  join(request: unroll.v1.JoinRequest): Promise<unroll.v1.JoinResponse> {
    const run = readRun(request);
    return this.#ask(request, (caller) => ({ type: 'join', caller, run })).then(
      (answer) => ({ ...answer, leaseSeconds: this.host.leaseSeconds }) as Answer & unroll.v1.JoinResponse,
    );
  }

  async initialize(request: unroll.v1.InitializeRequest): Promise<object> {
    const { step } = request;
    return this.#ask(request, (caller) => {
      const parameters = this.host.adopted.uploads.take({ caller, step, vector: 'parameters' });
      return { type: 'initialize', caller, step, values: parameters && { parameters, slots: {} } };
    });
  }

  async push(request: unroll.v1.PushRequest): Promise<unroll.v1.PushResponse> {
    const { step, learningRate } = request;
    const answer = await this.#ask(request, (caller) => {
      const gradient = this.host.adopted.uploads.take({ caller, step, vector: 'gradient' });
      return { type: 'push', caller, step, learningRate, gradient };
    });
    return answer as Extract<Answer, { type: 'pushed' }> & unroll.v1.PushResponse;
  }

  async *pull(request: unroll.v1.PullRequest): AsyncGenerator<Chunk> {
    const { step, vector } = request;
    const sumOfSquares = request.sumOfSquares ?? undefined;
    await this.#ask(request, (caller) => ({ type: 'pull', caller, step, sumOfSquares }));
    for (const chunk of this.host.adopted.store.chunks(vector, step, request.since ?? undefined)!) {
      for (const { offset, data } of piecesOf(chunk)) {
        const copy = await this.#call(async () => {
          if (!this.host.isReadableAt(step)) throw new Refusal('aborted', `the shard moved past step ${step}`);
          return data.slice();
        });
        yield { offsets: [offset], data: copy };
      }
    }
  }

  upload(target: unroll.v1.UploadTarget, chunks: Iterable<Chunk>): Promise<void> {
    const caller = readCaller(target.caller);
    const sent = [...chunks].map(({ offsets, data }) => ({ offsets, data: data.slice() }));
    return this.#call(async () => {
      const upload = this.host.adopted.uploads.begin({ ...target, caller });
      for (const chunk of sent) upload.take(chunk);
      upload.end();
    });
  }

  heartbeat(request: unroll.v1.HeartbeatRequest): Promise<object> {
    return this.#ask(request, (caller) => ({ type: 'heartbeat', caller }));
  }

  leave(request: unroll.v1.LeaveRequest): Promise<object> {
    return this.#ask(request, (caller) => ({ type: 'leave', caller }));
  }

  close(): void {
    this.cut();
  }

  #ask(
    { caller }: { caller?: unroll.v1.Caller.$Properties | null },
    request: (caller: Caller) => UnnumberedRequest,
  ): Promise<Answer> {
    return this.#call(
      async () => this.host.ask(request(readCaller(caller)), () => undefined),
      this.network.duplication,
    );
  }

  /** Does `serve` at the far end at least once, and settles as one of its answers that gets through. */
  #call<Result>(serve: () => Promise<Result>, duplication = 0): Promise<Result> {
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const answer = (settle: () => void) =>
        this.#carry(() => {
          isSettled = true;
          if (!this.#isCut) settle();
        });
      const attempt = (): void => {
        if (isSettled || this.#isCut) return;
        for (let copies = this.random() < duplication ? 2 : 1; copies > 0; copies--) {
          this.#carry(() => {
            serve().then(
              (result) => answer(() => resolve(result)),
              (error: unknown) => answer(() => reject(asCallError(error))),
            );
          });
        }
        this.time.after(retryAfter, attempt);
      };
      attempt();
    });
  }

  #carry(arrive: () => void): void {
    if (this.random() < this.network.loss) return;
    this.time.after(this.random() * this.network.maxDelay, arrive);
  }
}

function asCallError(error: unknown): unknown {
  if (!(error instanceof Refusal)) return error;
  const code = error.code === 'aborted' ? status.ABORTED : status.FAILED_PRECONDITION;
  return new ParameterServerError(code, error.message);
}
