/**
 * A worker's connection to one parameter server: the wire calls, each with a deadline, with failures as one-line
 * errors.
 */
import { once } from 'node:events';
import {
  Client,
  type ClientOptions,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  type Metadata,
  type MethodDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { placeOf } from '../addresses/server-place.js';
import { BulkChannel } from '../bulk/bulk-channel.js';
import { type BulkConnection, BulkFailure, type CountBytes } from '../bulk/bulk-connection.js';
import { callError, ParameterServerError } from '../errors.js';
import type { unroll } from '../generated/parameter-server.js';
import { authorizationOf, type ClientSecurity, callMetadata, channelCredentials } from '../security/client-security.js';
import { AttentiveClock } from '../time/attentive-clock.js';
import { Waits } from '../time/waits.js';
import type { Chunk } from '../vectors/shard-vector.js';
import { maxMessageBytes, parameterServerService } from '../wire/service-definition.js';
import type { Chunks, ShardCalls } from '../wire/shard-calls.js';
import { directChannel } from './direct-channel.js';
import { ServerSearch } from './server-search.js';

/**
 * With the default window of 64 KiB, pulls run at a fifth of the speed. With 16 MiB they cost an eighth more processor
 * time, because data waiting to be read is new memory.
 */
const pullWindowBytes = 4 * 1024 * 1024;

const channelOptions: ClientOptions = {
  ...directChannel,
  'grpc.max_receive_message_length': maxMessageBytes,
  'grpc.max_send_message_length': maxMessageBytes,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // Detects a machine that vanishes silently. While this thread computes, nothing is in flight and nothing is pinged.
  'grpc.keepalive_time_ms': 30_000,
  'grpc.use_local_subchannel_pool': 1,
  // For automatic retries, grpc-js would keep the sent data in memory. Workers rejoin instead.
  'grpc.enable_retries': 0,
  'grpc-node.flow_control_window': pullWindowBytes,
};

export interface ShardConnectionOptions {
  /** `host:port`. */
  readonly address: string;
  readonly shard: number;
  readonly shards: number;
  readonly security?: ClientSecurity;
  /** The deadline of every call. */
  readonly callSeconds: number;
  /** How long to wait for a server that does not listen. */
  readonly patienceSeconds: number;
  /** After how long a call that waits for other workers is made again: its answer may be lost. Default 60. */
  readonly repeatSeconds?: number;
  /** The methods of the service; may be replaced by wrapped ones. */
  readonly service?: typeof parameterServerService;
  /** Called for messages that do not pass through the methods. */
  readonly count?: CountBytes;
  /** Receives lines for the person who runs the worker. */
  readonly onObstacle?: (line: string) => void;
  /** Notes what the worker is waiting for. */
  readonly waits?: Waits;
}

/** The time within which a call must be answered. */
interface TimeLimit {
  readonly seconds: number;
  /** When the call was made, by the connection's clock. */
  readonly since: number;
}

/** Seconds between two readings of the clock that notices this process's own pauses. */
const readEvery = 1;

type Call = ClientUnaryCall | ClientReadableStream<unknown> | ClientWritableStream<unknown>;

export class ShardConnection implements ShardCalls {
  readonly #server: string;
  readonly #metadata: Metadata;
  readonly #callSeconds: number;
  readonly #repeatSeconds: number;
  readonly #clock = new AttentiveClock({ now: () => performance.now() / 1000, readEvery });
  /** Keeps no process alive. */
  readonly #reading = setInterval(() => this.#clock.now, 1000 * readEvery).unref();
  readonly #client: Client;
  readonly #service: typeof parameterServerService;
  readonly #inFlight = new Set<Call>();
  readonly #search: ServerSearch;
  /** Whether the server may have heard of this worker. */
  #hasAsked = false;
  /** Carries vectors, where such connections can be opened. */
  readonly #bulk: BulkChannel;
  readonly #onObstacle: (line: string) => void;
  readonly #waits: Waits;
  #hasSaidObstacle = false;

  constructor({
    address,
    shard,
    shards,
    security = {},
    callSeconds,
    patienceSeconds,
    repeatSeconds = 60,
    service = parameterServerService,
    count = () => undefined,
    onObstacle = () => undefined,
    waits = new Waits(() => undefined),
  }: ShardConnectionOptions) {
    this.#waits = waits;
    this.#service = service;
    this.#onObstacle = onObstacle;
    this.#metadata = callMetadata(security.token);
    this.#server = `${address} (shard ${shard} of ${shards})`;
    this.#callSeconds = callSeconds;
    this.#repeatSeconds = repeatSeconds;
    this.#client = new Client(address, channelCredentials(security.tls), channelOptions);
    const channel = this.#client.getChannel();
    const now = () => this.#clock.now;
    this.#search = new ServerSearch({
      address,
      server: this.#server,
      tls: security.tls,
      channel,
      patienceSeconds,
      now,
      onObstacle,
    });
    const authorization = authorizationOf(security.token);
    this.#bulk = new BulkChannel({ place: placeOf(address), tls: security.tls, authorization, count });
  }

  async ready(): Promise<void> {
    await this.#waits.during(`parameter server ${this.#server}`, this.#search.find());
  }

  async join(request: unroll.v1.JoinRequest): Promise<unroll.v1.JoinResponse> {
    await this.ready();
    this.#hasAsked = true;
    const answer = this.#unary(this.#service.join, request);
    const joined = await this.#waits.during('the parameter servers to let this worker in', answer);
    this.#bulk.reopen();
    return joined;
  }

  initialize(request: unroll.v1.InitializeRequest): Promise<unroll.v1.InitializeResponse> {
    return this.#waits.during('the parameter servers to begin', this.#unary(this.#service.initialize, request));
  }

  restore(request: unroll.v1.RestoreRequest): Promise<unroll.v1.RestoreResponse> {
    return this.#waits.during('the parameter servers to begin', this.#unary(this.#service.restore, request));
  }

  push(request: unroll.v1.PushRequest): Promise<unroll.v1.PushResponse> {
    return this.#waits.during('the other workers', this.#repeated(this.#service.push, request), at(request));
  }

  commit(request: unroll.v1.CommitRequest): Promise<unroll.v1.CommitResponse> {
    return this.#waits.during('the parameter servers', this.#unary(this.#service.commit, request), at(request));
  }

  finish(request: unroll.v1.FinishRequest): Promise<unroll.v1.FinishResponse> {
    return this.#waits.during('the other workers to finish', this.#repeated(this.#service.finish, request));
  }

  async leave(request: unroll.v1.LeaveRequest): Promise<unroll.v1.LeaveResponse> {
    return this.#hasAsked ? this.#unary(this.#service.leave, request, 5) : {};
  }

  async upload(target: unroll.v1.UploadTarget, chunks: Chunks): Promise<void> {
    const bulk = await this.#lend(this.#service.upload);
    if (!bulk) return this.#uploadByGrpc(target, chunks);
    const limit = this.#limit();
    try {
      await bulk.upload(target, chunks, limit.seconds);
    } catch (error) {
      throw this.#errorOf(this.#service.upload, limit, error);
    } finally {
      this.#bulk.giveBack(bulk);
    }
  }

  async *pull(request: unroll.v1.PullRequest): AsyncGenerator<Chunk> {
    const arrived = this.#waits.begin('the parameters', at(request));
    try {
      for await (const chunk of this.#chunks(request)) {
        arrived();
        yield chunk;
      }
    } finally {
      arrived();
    }
  }

  async *#chunks(request: unroll.v1.PullRequest): AsyncGenerator<Chunk> {
    const bulk = await this.#lend(this.#service.pull);
    if (!bulk) return yield* this.#pullByGrpc(request);
    const limit = this.#limit();
    try {
      yield* bulk.pull(request, limit.seconds);
    } catch (error) {
      throw this.#errorOf(this.#service.pull, limit, error);
    } finally {
      this.#bulk.giveBack(bulk);
    }
  }

  async #lend(method: { readonly path: string }): Promise<BulkConnection | undefined> {
    const limit = this.#limit();
    try {
      return await this.#bulk.lend();
    } catch (error) {
      throw this.#errorOf(method, limit, error);
    }
  }

  async #uploadByGrpc(target: unroll.v1.UploadTarget, chunks: Chunks): Promise<void> {
    const { call, answered } = this.#beginUpload();
    // The first message describes the stream. A vector of zeros has no other message.
    call.write({ target, offsets: [], data: new Uint8Array(0) });
    try {
      for await (const chunk of chunks) {
        if (!call.write(chunk)) await Promise.race([answered, once(call, 'drain')]);
      }
    } catch (error) {
      call.cancel();
      throw error;
    }
    call.end();
    await answered;
    this.#sayObstacle();
  }

  #beginUpload(): { call: ClientWritableStream<unknown>; answered: Promise<void> } {
    const { path, requestSerialize, responseDeserialize } = this.#service.upload;
    const limit = this.#limit();
    const options = { deadline: deadline(limit) };
    let call!: ClientWritableStream<unknown>;
    const answered = new Promise<void>((resolve, reject) => {
      call = this.#client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        this.#metadata,
        options,
        (error) => (error ? reject(this.#failure(path, limit, error)) : resolve()),
      );
    });
    // A call may fail while the next chunk is being computed; it is awaited after that.
    answered.catch(() => undefined);
    this.#follow(call);
    return { call, answered };
  }

  async *#pullByGrpc(request: unroll.v1.PullRequest): AsyncGenerator<Chunk> {
    const { path, requestSerialize, responseDeserialize } = this.#service.pull;
    const limit = this.#limit();
    const call: ClientReadableStream<unroll.v1.PullResponse> = this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      this.#metadata,
      { deadline: deadline(limit) },
    );
    this.#follow(call);
    try {
      for await (const chunk of call) yield chunk as unroll.v1.PullResponse;
      this.#sayObstacle();
    } catch (error) {
      throw this.#failure(path, limit, error as ServiceError);
    }
  }

  interrupt(): void {
    this.#search.giveUp();
    for (const call of this.#inFlight) call.cancel();
    this.#bulk.interrupt();
  }

  close(): void {
    clearInterval(this.#reading);
    this.#search.giveUp();
    this.#client.close();
    this.#bulk.close();
  }

  /**
   * Reports the obstacle once. A vector has travelled by gRPC, so the server is there and something between blocks bulk
   * connections.
   */
  #sayObstacle(): void {
    const obstacle = this.#bulk.obstacle;
    if (obstacle === undefined || this.#hasSaidObstacle) return;
    this.#hasSaidObstacle = true;
    this.#onObstacle(
      `parameter server ${this.#server}: vectors travel by gRPC, which takes more of the processor: no connection of their own ` +
        `was answered (${obstacle}); if a proxy lets only HTTP/2 through, let plain TCP through to that port`,
    );
  }

  /** Converts a bulk failure to the error of the matching gRPC call; returns other errors unchanged. */
  #errorOf({ path }: { readonly path: string }, limit: TimeLimit, error: unknown): unknown {
    return error instanceof BulkFailure ? this.#failure(path, limit, error) : error;
  }

  #limit(seconds = this.#callSeconds): TimeLimit {
    return { seconds, since: this.#clock.now };
  }

  /** Describes a call's failure. If this process stood still while the time limit passed, the worker can rejoin. */
  #failure(path: string, { seconds, since }: TimeLimit, error: Pick<ServiceError, 'code' | 'details'>) {
    const failure = callError(this.#server, path, seconds, error);
    const isLate = failure.code === status.DEADLINE_EXCEEDED;
    if (!isLate || this.#clock.now - since > seconds - 2 * readEvery) return failure;
    return new ParameterServerError(status.UNAVAILABLE, `${failure.message}; this process stood still meanwhile`);
  }

  #follow(call: Call): void {
    this.#inFlight.add(call);
    call.once('status', () => this.#inFlight.delete(call));
  }

  /**
   * Makes a call that may wait for hours, again and again until it is answered: a connection may live although an answer
   * on it was lost. Servers answer a repeated call as the first one.
   */
  async #repeated<Request, Response>(method: MethodDefinition<Request, Response>, request: Request): Promise<Response> {
    const end = this.#clock.now + this.#callSeconds;
    for (;;) {
      const left = end - this.#clock.now;
      try {
        return await this.#unary(method, request, Math.min(left, this.#repeatSeconds));
      } catch (error) {
        const isLate = error instanceof ParameterServerError && error.code === status.DEADLINE_EXCEEDED;
        if (!isLate || left <= this.#repeatSeconds) throw error;
      }
    }
  }

  #unary<Request, Response>(
    { path, requestSerialize, responseDeserialize }: MethodDefinition<Request, Response>,
    request: Request,
    seconds = this.#callSeconds,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const limit = this.#limit(seconds);
      const options = { deadline: deadline(limit) };
      const answered = (error: ServiceError | null, value?: Response) =>
        error ? reject(this.#failure(path, limit, error)) : resolve(value!);
      this.#follow(
        this.#client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          this.#metadata,
          options,
          answered,
        ),
      );
    });
  }
}

function at({ step }: { readonly step: number }): string {
  return `at step ${step}`;
}

function deadline({ seconds }: TimeLimit): number {
  return Date.now() + seconds * 1000;
}
