/** For tests: stands between clients and servers, and resets connections in the middle of their messages. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { firstByte } from '../bulk/frames.js';
import { seededRandom } from '../simulation/virtual-time.js';

export interface BreakingNetworkOptions {
  readonly seed: number;
  /** The number of connections that are reset; later ones survive. */
  readonly resets: number;
  /**
   * The number of bytes, in both directions together, that a connection carries before it is reset; drawn from `[least,
   * most)`.
   */
  readonly least: number;
  readonly most: number;
}

export class BreakingNetwork implements Disposable {
  /** The connections that were reset, by protocol. */
  readonly broken = { bulk: 0, grpc: 0 };
  readonly #options: BreakingNetworkOptions;
  readonly #random: () => number;
  readonly #proxies: Server[] = [];

  constructor(options: BreakingNetworkOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
  }

  /** Resolves with the port that leads to the server at `port`. */
  async to(port: number): Promise<number> {
    const proxy = createServer((client) => this.#between(client, connect(port, '127.0.0.1')));
    this.#proxies.push(proxy);
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    return (proxy.address() as { port: number }).port;
  }

  [Symbol.dispose](): void {
    for (const proxy of this.#proxies) proxy.close();
  }

  #between(client: Socket, server: Socket): void {
    const { least, most } = this.#options;
    let left = least + Math.floor(this.#random() * (most - least));
    let isBulk = false;
    client.once('data', (first: Buffer) => {
      isBulk = first[0] === firstByte;
    });
    const passOn = (from: Socket, to: Socket): void => {
      from.on('error', () => to.destroy()).on('close', () => to.destroy());
      from.on('data', (bytes: Buffer) => {
        if (from.destroyed || to.destroyed) return;
        if (bytes.length < left || !this.#mayBreak) {
          left -= bytes.length;
          to.write(bytes);
          return;
        }
        this.broken[isBulk ? 'bulk' : 'grpc'] += 1;
        // Earlier bytes arrive, the rest do not.
        to.write(bytes.subarray(0, left), () => {
          client.resetAndDestroy();
          server.resetAndDestroy();
        });
        left = 0;
        from.pause();
      });
    };
    passOn(client, server);
    passOn(server, client);
  }

  get #mayBreak(): boolean {
    return this.broken.bulk + this.broken.grpc < this.#options.resets;
  }
}
