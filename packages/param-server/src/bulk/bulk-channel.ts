/**
 * A client's bulk connections to one server: opened when they are needed, used again, given up together. Where none can be
 * opened, because what is between the two lets only HTTP/2 through, or the server is away, there is gRPC.
 */
import { status } from '@grpc/grpc-js';
import type { ServerPlace } from '../client/server-place.js';
import type { ClientTls } from '../security/client-security.js';
import { BulkConnection, BulkFailure, type CountBytes } from './bulk-connection.js';

export interface BulkChannelOptions {
  readonly place: ServerPlace;
  readonly tls: ClientTls | undefined;
  /** What every connection brings, as gRPC's metadata would. */
  readonly authorization: string;
  readonly count: CountBytes;
}

/** What is between client and server may swallow what is no HTTP/2. */
const greetingSeconds = 10;

/**
 * TCP sends what is lost again after pauses that double: when a network heals that was broken for a minute, it may say nothing for
 * another. A new connection is there at once.
 */
const stallSeconds = 60;

export class BulkChannel {
  readonly #options: BulkChannelOptions;
  readonly #idle: BulkConnection[] = [];
  readonly #lent = new Set<BulkConnection>();
  /** Why none could be opened last. */
  #obstacle: string | undefined;

  constructor(options: BulkChannelOptions) {
    this.#options = options;
  }

  /** Why there are no connections, if one could not be opened and {@link reopen} has not been called since. */
  get obstacle(): string | undefined {
    return this.#obstacle;
  }

  /**
   * A connection for one call, to be given back after it.
   * @returns undefined if there is none
   * @throws BulkFailure if the server does not let this client in, or {@link interrupt} was called
   */
  async lend(): Promise<BulkConnection | undefined> {
    const idle = this.#idle.pop();
    if (idle && !idle.isOpen) return this.lend();
    if (idle) this.#lent.add(idle);
    return idle ?? (this.#obstacle === undefined ? this.#connect() : undefined);
  }

  giveBack(connection: BulkConnection): void {
    this.#lent.delete(connection);
    if (connection.isOpen) this.#idle.push(connection);
  }

  /** The server has answered: what could not be opened before may be opened now. */
  reopen(): void {
    this.#obstacle = undefined;
  }

  /** Calls in flight fail as cancelled. */
  interrupt(): void {
    for (const connection of this.#lent) connection.fail(status.CANCELLED, 'the call was given up');
  }

  close(): void {
    this.interrupt();
    for (const connection of this.#idle.splice(0)) connection.fail(status.CANCELLED, 'the client was closed');
  }

  async #connect(): Promise<BulkConnection | undefined> {
    const { place, tls, authorization, count } = this.#options;
    const connection = new BulkConnection(place, tls, count, stallSeconds);
    this.#lent.add(connection);
    try {
      await connection.greet(authorization, greetingSeconds);
      return connection;
    } catch (error) {
      this.#lent.delete(connection);
      if (!(error instanceof BulkFailure) || !isUnreachable(error)) throw error;
      this.#obstacle = error.details;
      return undefined;
    }
  }
}

function isUnreachable({ code }: BulkFailure): boolean {
  return code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED;
}
