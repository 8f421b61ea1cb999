/** A worker's connection to one parameter server that counts the bytes of messages and the time spent on vectors. */
import type { MethodDefinition } from '@grpc/grpc-js';
import type { CountBytes } from '../bulk/bulk-connection.js';
import type { unroll } from '../generated/parameter-server.js';
import type { WorkerMeter } from '../metrics/worker-meter.js';
import type { Chunk } from '../vectors/shard-vector.js';
import { parameterServerService } from '../wire/service-definition.js';
import type { Chunks } from '../wire/shard-calls.js';
import { ShardConnection, type ShardConnectionOptions } from './shard-connection.js';

type Service = typeof parameterServerService;

export class MeteredConnection extends ShardConnection {
  readonly #meter: WorkerMeter;
  readonly #share: number;

  constructor(options: ShardConnectionOptions, meter: WorkerMeter) {
    const count: CountBytes = (direction, bytes) => meter.addBytes(direction, bytes);
    super({ ...options, count, service: meteredService(meter) });
    this.#meter = meter;
    this.#share = 1 / options.shards;
  }

  override async upload(target: unroll.v1.UploadTarget, chunks: Chunks): Promise<void> {
    const began = performance.now();
    await super.upload(target, chunks);
    this.#meter.addTransfer('push', began, this.#share);
  }

  override async *pull(request: unroll.v1.PullRequest): AsyncGenerator<Chunk> {
    // The wait before the first chunk is for the servers' update; it does not count as transfer.
    let last: number | undefined;
    for await (const chunk of super.pull(request)) {
      // A step may end, and the next be computed, before everything has arrived.
      if (last !== undefined) this.#meter.addTransfer('pull', last, this.#share);
      last = performance.now();
      yield chunk;
    }
    if (last !== undefined) this.#meter.addTransfer('pull', last, this.#share);
  }
}

/** Returns the service's methods, wrapped to count the bytes that they encode and decode. */
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
