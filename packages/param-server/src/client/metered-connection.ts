/** A worker's connection to one parameter server that counts the bytes of its messages and the time its vectors take. */
import type { MethodDefinition } from '@grpc/grpc-js';
import type { CountBytes } from '../bulk/bulk-connection.js';
import type { unroll } from '../generated/parameter-server.js';
import { parameterServerService } from '../service-definition.js';
import type { Chunk } from '../shard-vector.js';
import type { Chunks } from './shard-calls.js';
import { ShardConnection, type ShardConnectionOptions } from './shard-connection.js';
import type { WorkerMeter } from './worker-meter.js';

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
    // What is waited for before the first chunk is the servers' update, not the transfer.
    let last: number | undefined;
    for await (const chunk of super.pull(request)) {
      // A step may be over, and the next be computed, before all has come.
      if (last !== undefined) this.#meter.addTransfer('pull', last, this.#share);
      last = performance.now();
      yield chunk;
    }
    if (last !== undefined) this.#meter.addTransfer('pull', last, this.#share);
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
