/**
 * A client's bulk connections to one server: opened when needed, reused, and given up together. If none can be opened,
 * vectors travel by gRPC. That happens when the network between lets only HTTP/2 through, or when the server is away.
 */
import { status } from '@grpc/grpc-js';
import type { ServerPlace } from '../addresses/server-place.js';
import type { ClientTls } from '../security/client-security.js';
import { BulkConnection, BulkFailure, type CountBytes } from './bulk-connection.js';

export interface BulkChannelOptions {
  readonly place: ServerPlace;
  readonly tls: ClientTls | undefined;
  /** The authorization that every connection presents, as gRPC's metadata would. */
  readonly authorization: string;
  readonly count: CountBytes;
}

/** Time limit for the greeting: the network between client and server may swallow everything but HTTP/2. */
const greetingSeconds = 10;

/**
 * TCP resends lost data after pauses that double. When a network recovers after a minute, TCP may stay silent for
 * another. A new connection works at once.
 */
const stallSeconds = 60;

export class BulkChannel {
  readonly #options: BulkChannelOptions;
  readonly #idle: BulkConnection[] = [];
  readonly #lent = new Set<BulkConnection>();
  /** The reason why the last connection could not be opened. */
  #obstacle: string | undefined;

  constructor(options: BulkChannelOptions) {
    this.#options = options;
  }

  /**
   * The reason why there are no connections, if one could not be opened and {@link reopen} has not been called since.
   */
  get obstacle(): string | undefined {
    return this.#obstacle;
  }

  /**
   * Lends a connection for one call; give it back afterwards.
   * @returns undefined if none can be opened
   * @throws BulkFailure if the server refuses this client, or {@link interrupt} was called
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

  /** Notes that the server has answered: connections that could not be opened before may be tried again. */
  reopen(): void {
    this.#obstacle = undefined;
  }

  /** Cancels the calls in flight; they fail as cancelled. */
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
