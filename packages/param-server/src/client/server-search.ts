/** The search for a server that listens and speaks what the worker speaks, within the worker's patience. */
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { placeOf } from '../addresses/server-place.js';
import { ParameterServerError } from '../errors.js';
import type { ClientTls } from '../security/client-security.js';
import { handshakeFailure } from '../security/handshake.js';
import { type Protocol, protocolAt } from '../security/spoken-protocol.js';
import { becomesReady, type WatchedChannel } from './server-readiness.js';

export interface ServerSearchOptions {
  /** `host:port`. */
  readonly address: string;
  /** The server's name in messages. */
  readonly server: string;
  readonly tls: ClientTls | undefined;
  readonly channel: WatchedChannel;
  /** How long to wait for a server that does not listen. */
  readonly patienceSeconds: number;
  /** Returns the time in seconds, without this process's own pauses. */
  readonly now: () => number;
  /** Receives lines for the person who runs the worker. */
  readonly onObstacle: (line: string) => void;
}

/** Seconds between two looks at what a server speaks. */
const probeSeconds = 1;

/** The faults of servers that speak something else. Such a server may be a proxy whose server has yet to start. */
const faults: Partial<Record<Protocol, string>> = {
  'http/1': 'what answers there speaks HTTP/1 and no gRPC',
  unknown: 'what answers there speaks no gRPC',
  silent: 'something accepts connections there and does not answer',
};

export class ServerSearch {
  readonly #options: ServerSearchOptions;
  /** Aborted when a search is given up. */
  readonly #running = new Set<AbortController>();
  #hasSaidFault = false;

  constructor(options: ServerSearchOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the channel is connected.
   * @throws ParameterServerError if TLS fails, the search is given up, or the server does not listen within the
   *   worker's patience
   */
  async find(): Promise<void> {
    const { server, tls } = this.#options;
    const search = new AbortController();
    this.#running.add(search);
    try {
      const { signal } = search;
      const refusals = tls ? [this.#refusedByTls(tls, signal)] : [];
      await Promise.race([this.#listening(signal), this.#misunderstood(signal), ...refusals]);
    } catch (error) {
      if (!search.signal.aborted) throw error;
      throw new ParameterServerError(status.CANCELLED, `parameter server ${server}: the call was given up`);
    } finally {
      this.#running.delete(search);
      // The loser of the race would keep the process alive.
      search.abort();
    }
  }

  giveUp(): void {
    for (const search of this.#running) search.abort();
  }

  async #listening(signal: AbortSignal): Promise<void> {
    const { channel, server, patienceSeconds, now } = this.#options;
    if (await becomesReady(channel, patienceSeconds, signal, now)) return;
    const message =
      `no parameter server answers at ${server} after ${patienceSeconds} s; ` +
      'is it running there, is the port open, and do both have TLS or neither? Start it with `unroll param-server`';
    throw new ParameterServerError(status.DEADLINE_EXCEEDED, message);
  }

  async #refusedByTls(tls: ClientTls, signal: AbortSignal): Promise<void> {
    const { address, server } = this.#options;
    const reason = await handshakeFailure(address, tls, signal);
    const hint = 'do the certificates fit the authority on both sides, and does the server have one?';
    const message = `parameter server ${server}: TLS failed (${reason}); ${hint}`;
    throw new ParameterServerError(status.UNAUTHENTICATED, message);
  }

  /**
   * Looks again and again what a server speaks that gRPC cannot connect to.
   * @throws ParameterServerError if it speaks TLS and this worker does not
   */
  async #misunderstood(signal: AbortSignal): Promise<void> {
    for (let last: Protocol | undefined; ; ) {
      await sleep(1000 * probeSeconds, undefined, { signal });
      const spoken = await protocolAt(placeOf(this.#options.address), signal);
      // It may be looked at while it starts or ends, so only twice the same counts.
      if (spoken !== undefined && spoken === last) this.#complain(spoken);
      last = spoken;
    }
  }

  #complain(spoken: Protocol): void {
    const { server, tls, onObstacle } = this.#options;
    // A handshake of a worker with TLS says by itself what is wrong.
    if (spoken === 'tls' && !tls) {
      const message = `parameter server ${server}: speaks TLS; give this worker the authority of its certificate, or start the server without one`;
      throw new ParameterServerError(status.UNAUTHENTICATED, message);
    }
    const fault = faults[spoken];
    if (fault === undefined || this.#hasSaidFault) return;
    this.#hasSaidFault = true;
    onObstacle(`parameter server ${server}: ${fault}; is it the right address?`);
  }
}
