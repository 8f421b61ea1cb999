/** A worker's connection to one parameter server: the wire calls, each with a deadline, failures as one-line errors. */
import {
  Client,
  type ClientOptions,
  type ClientReadableStream,
  credentials,
  type MethodDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { unroll } from '../generated/parameter-server.js';
import { maxMessageBytes, parameterServerService as service } from '../service-definition.js';
import type { Chunk } from '../shard-vector.js';
import { callError, ParameterServerError } from './errors.js';
import type { ShardCalls } from './shard-calls.js';

/** With the default window of 64 KiB pulls run at a fifth of the speed. */
const pullWindowBytes = 16 * 1024 * 1024;

const channelOptions: ClientOptions = {
  'grpc.max_receive_message_length': maxMessageBytes,
  'grpc.max_send_message_length': maxMessageBytes,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  'grpc.use_local_subchannel_pool': 1,
  'grpc-node.flow_control_window': pullWindowBytes,
};

export class ShardConnection implements ShardCalls {
  readonly #server: string;
  readonly #callSeconds: number;
  readonly #client: Client;

  /** `callSeconds` is the deadline of every call. */
  constructor(
    readonly address: string,
    shard: number,
    shards: number,
    callSeconds: number,
  ) {
    this.#server = `${address} (shard ${shard} of ${shards})`;
    this.#callSeconds = callSeconds;
    this.#client = new Client(address, credentials.createInsecure(), channelOptions);
  }

  /** Waits until the server listens. @throws ParameterServerError after `seconds`. */
  waitForServer(seconds: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(deadline(seconds), (error) => {
        if (!error) return resolve();
        const message =
          `no parameter server answers at ${this.#server} after ${seconds} s; ` +
          'is it running there, and is the port open? Start it with `unroll param-server`';
        reject(new ParameterServerError(status.UNAVAILABLE, message, { cause: error }));
      });
    });
  }

  join(request: unroll.v1.JoinRequest): Promise<unroll.v1.JoinResponse> {
    return this.#unary(service.join, request);
  }

  initialize(request: unroll.v1.InitializeRequest): Promise<unroll.v1.InitializeResponse> {
    return this.#unary(service.initialize, request);
  }

  push(request: unroll.v1.PushRequest): Promise<unroll.v1.PushResponse> {
    return this.#unary(service.push, request);
  }

  heartbeat(request: unroll.v1.HeartbeatRequest): Promise<unroll.v1.HeartbeatResponse> {
    return this.#unary(service.heartbeat, request);
  }

  leave(request: unroll.v1.LeaveRequest): Promise<unroll.v1.LeaveResponse> {
    return this.#unary(service.leave, request, 5);
  }

  upload(target: unroll.v1.UploadTarget, chunks: Iterable<Chunk>): Promise<void> {
    const { path, requestSerialize, responseDeserialize } = service.upload;
    return new Promise((resolve, reject) => {
      const options = { deadline: deadline(this.#callSeconds) };
      const call = this.#client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        options,
        (error) => (error ? reject(callError(this.#server, path, this.#callSeconds, error)) : resolve()),
      );
      const rest = chunks[Symbol.iterator]();
      // The first message says what the stream is; a vector of zeros has no other.
      call.write({ target, offsets: [], data: new Uint8Array(0) });
      const send = (): void => {
        for (let next = rest.next(); !next.done; next = rest.next()) {
          if (call.write(next.value)) continue;
          call.once('drain', send);
          return;
        }
        call.end();
      };
      send();
    });
  }

  async *pull(request: unroll.v1.PullRequest): AsyncGenerator<Chunk> {
    const { path, requestSerialize, responseDeserialize } = service.pull;
    const call: ClientReadableStream<unroll.v1.PullResponse> = this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      { deadline: deadline(this.#callSeconds) },
    );
    try {
      for await (const chunk of call) yield chunk as unroll.v1.PullResponse;
    } catch (error) {
      throw callError(this.#server, path, this.#callSeconds, error as ServiceError);
    }
  }

  close(): void {
    this.#client.close();
  }

  #unary<Request, Response>(
    { path, requestSerialize, responseDeserialize }: MethodDefinition<Request, Response>,
    request: Request,
    seconds = this.#callSeconds,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const options = { deadline: deadline(seconds) };
      this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, options, (error, value) =>
        error ? reject(callError(this.#server, path, seconds, error)) : resolve(value!),
      );
    });
  }
}

function deadline(seconds: number): number {
  return Date.now() + seconds * 1000;
}
