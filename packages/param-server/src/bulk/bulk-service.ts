/** The bulk connections of a server, for Upload and Pull. All other calls are gRPC's. */
import type { Socket } from 'node:net';
import type { Visit } from '../security/connection-gate.js';
import type { RefusalLog } from '../security/refusal-log.js';
import type { ShardHost } from '../shard-host.js';
import { ServedConnection } from './served-connection.js';

/** Within a frame a worker may compute, if its engine blocks the thread that also sends. */
const patience = { farewellSeconds: 10, stallSeconds: 120 };

export class BulkService {
  readonly #host: ShardHost;
  readonly #admits: (authorization: string) => boolean;
  readonly #refusals: RefusalLog;
  readonly #connections = new Set<ServedConnection>();
  #isFinishing = false;

  /** @param admits whether a client is let in that brings this, as gRPC's metadata would */
  constructor(host: ShardHost, admits: (authorization: string) => boolean, refusals: RefusalLog) {
    this.#host = host;
    this.#admits = admits;
    this.#refusals = refusals;
  }

  /** How many there are. */
  get connections(): number {
    return this.#connections.size;
  }

  /** @param first what of the connection has been read */
  serve(socket: Socket, first: Uint8Array, visit: Visit): void {
    if (this.#isFinishing) {
      socket.destroy();
      visit.end();
      return;
    }
    const options = { host: this.#host, admits: this.#admits, refusals: this.#refusals, visit, ...patience };
    const connection = new ServedConnection(socket, first, options);
    this.#connections.add(connection);
    connection.closed.then(() => this.#connections.delete(connection));
  }

  /** Lets calls end, and takes no more connections. Resolves when all connections have closed. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    const closed = [...this.#connections].map((connection) => connection.closed);
    for (const connection of this.#connections) connection.finish();
    await Promise.all(closed);
  }

  destroy(): void {
    for (const connection of this.#connections) connection.destroy();
  }
}
