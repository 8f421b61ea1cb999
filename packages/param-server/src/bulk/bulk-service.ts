/** The bulk connections of a server: Upload and Pull where there is no TLS. All other calls, and all under TLS, are gRPC's. */
import type { Socket } from 'node:net';
import type { ShardHost } from '../shard-host.js';
import { ServedConnection } from './served-connection.js';

/** A worker says who it is at once. Within a frame it may compute, if its engine blocks the thread that also sends. */
const patience = { greetingSeconds: 10, stallSeconds: 120 };

export class BulkService {
  readonly #host: ShardHost;
  readonly #admits: (authorization: string) => boolean;
  readonly #connections = new Set<ServedConnection>();
  #isFinishing = false;

  /** @param admits whether a client is let in that brings this, as gRPC's metadata would */
  constructor(host: ShardHost, admits: (authorization: string) => boolean) {
    this.#host = host;
    this.#admits = admits;
  }

  /** How many there are. */
  get connections(): number {
    return this.#connections.size;
  }

  /** @param first what of the connection has been read */
  serve(socket: Socket, first: Uint8Array): void {
    if (this.#isFinishing) {
      socket.destroy();
      return;
    }
    const options = { host: this.#host, admits: this.#admits, ...patience };
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
