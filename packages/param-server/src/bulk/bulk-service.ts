/** A server's bulk connections, which carry Upload and Pull. All other calls use gRPC. */
import type { Socket } from 'node:net';
import type { ShardHost } from '../hosting/shard-host.js';
import type { Visit } from '../security/connection-gate.js';
import type { RefusalLog } from '../security/refusal-log.js';
import { ServedConnection } from './served-connection.js';

/** A worker may compute in the middle of a frame, if its engine blocks the thread that also sends. */
const patience = { farewellSeconds: 10, stallSeconds: 120 };

export class BulkService {
  readonly #host: ShardHost;
  readonly #admits: (authorization: string) => boolean;
  readonly #refusals: RefusalLog;
  readonly #connections = new Set<ServedConnection>();
  #isFinishing = false;

  /** @param admits whether a client with this authorization, in the form of gRPC's metadata, is let in */
  constructor(host: ShardHost, admits: (authorization: string) => boolean, refusals: RefusalLog) {
    this.#host = host;
    this.#admits = admits;
    this.#refusals = refusals;
  }

  /** The number of open connections. */
  get connections(): number {
    return this.#connections.size;
  }

  /** @param first the bytes already read from the connection */
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

  /** Lets calls in progress end and takes no more connections. Resolves when all connections have closed. */
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
