/**
 * A client's calls to a shard in the same process, over a network that delays, reorders, loses, repeats and cuts
 * messages. A call whose request or answer is lost is repeated after a time, as by a client that retries.
 */

import { status } from '@grpc/grpc-js';
import type { Beat } from '../client/heartbeats.js';
import { ParameterServerError } from '../errors.js';
import type { unroll } from '../generated/parameter-server.js';
import { joinResponse, uploadedContribution, uploadedValues } from '../hosting/service.js';
import type { ShardHost } from '../hosting/shard-host.js';
import { asStatus, selectionOf } from '../hosting/vector-calls.js';
import type { Answer, Caller, UnnumberedRequest } from '../shard/messages.js';
import { Refusal } from '../shard/refusal.js';
import { doAtOnce } from '../time/long-work.js';
import { type Chunk, piecesOf } from '../vectors/shard-vector.js';
import type { Chunks, ShardCalls } from '../wire/shard-calls.js';
import { readCaller, readClaim, readRun } from '../wire/wire-messages.js';
import type { ServerMachine } from './server-machine.js';
import type { VirtualTime } from './virtual-time.js';

/** Chances are per message; times are in virtual seconds. */
export interface Network {
  readonly loss: number;
  readonly duplication: number;
  readonly maxDelay: number;
  /** How often a request arrives once more, much later. */
  readonly echo?: { readonly chance: number; readonly maxDelay: number };
}

const retryAfter = 10;

/** The way between a worker and a shard whose machines have a speed. Sizes are in simulated bytes. */
export interface TimedRoute {
  toServer(bytes: number, arrive: () => void): void;
  toWorker(bytes: number, arrive: () => void): void;
}

/** The chance that a request comes twice, and the simulated bytes of the vectors that it and its answer carry. */
interface Carried {
  readonly duplication?: number;
  readonly up?: number;
  readonly down?: number;
}

type Serve<Result> = (host: ShardHost) => Promise<Result>;
type AskedBy = { caller?: unroll.v1.Caller.$Properties | null };

export class UnreliableCalls implements ShardCalls {
  readonly #server: ServerMachine;
  readonly #time: VirtualTime;
  readonly #random: () => number;
  readonly #network: Network;
  /** Undefined where a message takes a random time, whatever its size. */
  readonly #route: TimedRoute | undefined;
  readonly #giveUps = new Set<(error: ParameterServerError) => void>();
  #isCut = false;

  constructor(server: ServerMachine, time: VirtualTime, random: () => number, network: Network, route?: TimedRoute) {
    this.#server = server;
    this.#time = time;
    this.#random = random;
    this.#network = network;
    this.#route = route;
  }

  /** The process at this end is dead: it sends and receives nothing more. Messages already sent still arrive. */
  cut(): void {
    this.#isCut = true;
  }

  async ready(): Promise<void> {}

  async join(request: unroll.v1.JoinRequest): Promise<unroll.v1.JoinResponse> {
    const run = readRun(request);
    const caller = readCaller(request.caller);
    return this.#call(async (host) => {
      const answer = await host.ask(
        { type: 'join', caller, run, holdsBack: request.holdsBack ?? false, claim: readClaim(request) },
        () => undefined,
      );
      return joinResponse(answer, host) as unroll.v1.JoinResponse;
    }, this.#network);
  }

  initialize(request: unroll.v1.InitializeRequest): Promise<object> {
    const { step, generation } = request;
    return this.#ask(request, (caller, host) => {
      return { type: 'initialize', caller, generation, step, values: uploadedValues(host, caller, step) };
    });
  }

  restore(request: unroll.v1.RestoreRequest): Promise<object> {
    const { step, generation } = request;
    return this.#ask(request, (caller) => ({ type: 'restore', caller, generation, step }));
  }

  async push(request: unroll.v1.PushRequest): Promise<unroll.v1.PushResponse> {
    const { step, learningRate, lanesFrom, lanesTo, counted } = request;
    const sumOfSquares = request.sumOfSquares ?? undefined;
    const lanes = { from: lanesFrom, to: lanesTo };
    const answer = await this.#ask(request, (caller, host) => {
      return {
        type: 'push',
        caller,
        step,
        lanes,
        counted,
        learningRate,
        sumOfSquares,
        contribution: uploadedContribution(host, caller, step),
      };
    });
    return answer as Extract<Answer, { type: 'pushed' }> & unroll.v1.PushResponse;
  }

  commit(request: unroll.v1.CommitRequest): Promise<object> {
    const { step, sumOfSquares } = request;
    return this.#ask(request, (caller) => ({ type: 'commit', caller, step, sumOfSquares }));
  }

  async *pull(request: unroll.v1.PullRequest): AsyncGenerator<Chunk> {
    const { step, vector } = request;
    const caller = readCaller(request.caller);
    const sumOfSquares = request.sumOfSquares ?? undefined;
    const chunks = await this.#call(async (host) => {
      const selection = host.adopted.store.select(vector, selectionOf(request));
      await host.ask({ type: 'pull', caller, step, sumOfSquares, meets: request.meets ?? false }, () => undefined);
      const chunks = host.adopted.store.chunks(selection, step, request.since ?? undefined);
      return [...chunks].flatMap((chunk) => [...piecesOf(chunk)]);
    }, this.#network);
    for (const { offset, data } of chunks) {
      const copy = await this.#call(
        async (host) => {
          if (!host.isReadableAt(caller.generation, step)) throw new Refusal('aborted', `the shard left step ${step}`);
          return data.slice();
        },
        { down: data.byteLength },
      );
      yield { offsets: [offset], data: copy };
    }
  }

  async upload(target: unroll.v1.UploadTarget, chunks: Chunks): Promise<void> {
    const caller = readCaller(target.caller);
    const sent: Chunk[] = [];
    for await (const { offsets, data } of chunks) sent.push({ offsets, data: data.slice() });
    return this.#call(
      async (host) => {
        await host.ask({ type: 'heartbeat', caller }, () => undefined);
        const upload = host.adopted.uploads.begin({ ...target, caller });
        for (const chunk of sent) upload.take(chunk);
        doAtOnce(upload.end());
      },
      { up: sent.reduce((sum, { data }) => sum + data.byteLength, 0) },
    );
  }

  finish(request: unroll.v1.FinishRequest): Promise<object> {
    return this.#ask(request, (caller) => ({ type: 'finish', caller, endsRun: request.endsRun ?? false }));
  }

  /** Never repeated once answered: a copy that comes last would repair the damage of a late message. */
  leave(request: unroll.v1.LeaveRequest): Promise<object> {
    const caller = readCaller(request.caller);
    return this.#call((host) => host.ask({ type: 'leave', caller, isFinished: request.finished }, () => undefined));
  }

  /** Sends one heartbeat, which may be lost like any other message. */
  beat(shard: number, caller: Caller, onBeat: (beat: Beat) => void): void {
    this.#carryToServer(() => {
      const heard = this.#server.host?.ask({ type: 'heartbeat', caller }, () => undefined);
      const answer = (place: Beat['place']) =>
        this.#carryBack(() => {
          if (!this.#isCut) onBeat({ shard, place });
        });
      heard?.then(
        (place) => answer(place as Extract<Answer, { type: 'beat' }>),
        () => answer(undefined),
      );
    });
  }

  interrupt(): void {
    for (const giveUp of [...this.#giveUps]) giveUp(new ParameterServerError(status.CANCELLED, 'given up'));
  }

  close(): void {
    this.cut();
  }

  #ask(request: AskedBy, read: (caller: Caller, host: ShardHost) => UnnumberedRequest): Promise<Answer> {
    const caller = readCaller(request.caller);
    return this.#call(async (host) => host.ask(read(caller, host), () => undefined), this.#network);
  }

  /** Runs `serve` at the far end at least once, and settles with one of the answers that get through. */
  #call<Result>(serve: Serve<Result>, { duplication = 0, up = 0, down = 0 }: Carried = {}): Promise<Result> {
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const settle = (how: () => void) => {
        isSettled = true;
        this.#giveUps.delete(giveUp);
        if (!this.#isCut) how();
      };
      const giveUp = (error: ParameterServerError) => settle(() => reject(error));
      this.#giveUps.add(giveUp);
      const answer = (how: () => void) => this.#carryBack(() => !isSettled && settle(how), down);
      const lost = () => answer(() => reject(new ParameterServerError(status.UNAVAILABLE, 'the connection was lost')));
      const arrive = () => {
        const { host } = this.#server;
        if (!host) return lost();
        this.#server.whenKilled(lost);
        serve(host).then(
          (result) => answer(() => resolve(result)),
          (error: unknown) => answer(() => reject(asCallError(error))),
        );
      };
      const attempt = (): void => {
        if (isSettled || this.#isCut) return;
        for (let copies = this.#random() < duplication ? 2 : 1; copies > 0; copies--) this.#carryToServer(arrive, up);
        if (duplication > 0) this.#echo(serve);
        if (!this.#route) this.#time.after(retryAfter, attempt);
      };
      attempt();
    });
  }

  /** Repeats a request later, but only to the process it was first sent to: another process has its own connections. */
  #echo(serve: Serve<unknown>): void {
    const { chance, maxDelay } = this.#network.echo ?? { chance: 0, maxDelay: 0 };
    const { host } = this.#server;
    if (this.#random() >= chance) return;
    this.#time.after(this.#random() * maxDelay, () => {
      this.#server.whenAwake(() => {
        if (host && host === this.#server.host) serve(host).catch(() => undefined);
      });
    });
  }

  #carryToServer(arrive: () => void, bytes = 0): void {
    const arriveAwake = () => this.#server.whenAwake(arrive);
    if (this.#route) this.#route.toServer(bytes, arriveAwake);
    else this.#carry(arriveAwake);
  }

  #carryBack(arrive: () => void, bytes = 0): void {
    if (this.#route) this.#route.toWorker(bytes, arrive);
    else this.#carry(arrive);
  }

  #carry(arrive: () => void): void {
    if (this.#random() < this.#network.loss) return;
    this.#time.after(this.#random() * this.#network.maxDelay, arrive);
  }
}

function asCallError(error: unknown): unknown {
  return error instanceof Refusal ? new ParameterServerError(asStatus(error).code, error.message) : error;
}
