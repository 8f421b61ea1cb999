/** A worker's connection to one parameter server that counts the bytes of its messages and the time its vectors take. */
import type { MethodDefinition } from '@grpc/grpc-js';
import type { unroll } from '../generated/parameter-server.js';
import { parameterServerService } from '../service-definition.js';
import type { Chunk } from '../shard-vector.js';
import type { Chunks } from './shard-calls.js';
import { ShardConnection, type ShardConnectionOptions } from './shard-connection.js';
import type { WorkerMeter } from './worker-meter.js';

type Service = typeof parameterServerService;

export class MeteredConnection extends ShardConnection {
  readonly #meter: WorkerMeter;
  readonly #shards: number;

  constructor(options: ShardConnectionOptions, meter: WorkerMeter) {
    super({ ...options, service: meteredService(meter) });
    this.#meter = meter;
    this.#shards = options.shards;
  }

  override async upload(target: unroll.v1.UploadTarget, chunks: Chunks): Promise<void> {
    const began = performance.now();
    await super.upload(target, chunks);
    this.#took('push', began);
  }

  override async *pull(request: unroll.v1.PullRequest): AsyncGenerator<Chunk> {
    // What is waited for before the first chunk is the servers' update, not the transfer.
    let began: number | undefined;
    for await (const chunk of super.pull(request)) {
      began ??= performance.now();
      yield chunk;
    }
    if (began !== undefined) this.#took('pull', began);
  }

  #took(direction: 'push' | 'pull', began: number): void {
    this.#meter.addTransfer(direction, (performance.now() - began) / 1000 / this.#shards);
  }
}

/** The service's methods, which count what they encode and decode. */
function meteredService(meter: WorkerMeter): Service {
  const metered = <Request, Response>(method: MethodDefinition<Request, Response>) => ({
    ...method,
    requestSerialize: (message: Request) => {
      const bytes = method.requestSerialize(message);
      meter.addBytes('sent', bytes.length);
      return bytes;
    },
    responseDeserialize: (bytes: Buffer) => {
      meter.addBytes('received', bytes.length);
      return method.responseDeserialize(bytes);
    },
  });
  const methods = Object.entries(parameterServerService).map(([name, method]) => [
    name,
    metered(method as MethodDefinition<object, object>),
  ]);
  return Object.fromEntries(methods) as Service;
}
