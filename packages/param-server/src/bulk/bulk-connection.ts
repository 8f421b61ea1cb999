/**
 * The client's end of a bulk connection: uploads and pulls, one at a time. When one fails, the connection is gone. It
 * neither joins nor retries.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { status } from '@grpc/grpc-js';
import type { ServerPlace } from '../addresses/server-place.js';
import { unroll } from '../generated/parameter-server.js';
import { type ClientTls, tlsOptions } from '../security/client-security.js';
import type { ByteSink } from '../vectors/byte-sink.js';
import type { Chunk } from '../vectors/shard-vector.js';
import { maxMessageBytes } from '../wire/service-definition.js';
import type { Chunks } from '../wire/shard-calls.js';
import { type Frame, FrameError, FrameReader, frameKinds, noData, writeFrame } from './frames.js';
import { intoOneBuffer } from './receive-buffer.js';

const { BulkHello, BulkStatus, PullRequest, PullResponse, UploadRequest } = unroll.v1;

/** The reason why a call failed: the server's answer, or the fate of the connection. */
export class BulkFailure extends Error {
  override readonly name = 'BulkFailure';

  constructor(
    readonly code: status,
    readonly details: string,
  ) {
    super(`${status[code]}: ${details}`);
  }
}

/** Called with the size of every message including its data. */
export type CountBytes = (direction: 'sent' | 'received', bytes: number) => void;

/** The awaited outcome of the call in flight: the next chunk, or undefined when the server reports success. */
interface Awaited {
  resolve(chunk: Chunk | undefined): void;
  reject(failure: BulkFailure): void;
}

export class BulkConnection {
  readonly #socket: Socket;
  readonly #count: CountBytes;
  readonly #stallSeconds: number;
  readonly #reader = new FrameReader((frame) => this.#receive(frame), maxMessageBytes);
  #awaited: Awaited | undefined;
  #failure: BulkFailure | undefined;
  #deadline: NodeJS.Timeout | undefined;
  /** Holds the data of the chunk that was delivered last. */
  #buffer = new Uint8Array(0);

  /**
   * Connects. The first call must be {@link greet}.
   * @param stallSeconds how long a server may accept no data before it is considered lost
   */
  constructor(place: ServerPlace, tls: ClientTls | undefined, count: CountBytes, stallSeconds: number) {
    this.#count = count;
    this.#stallSeconds = stallSeconds;
    const onread = intoOneBuffer((bytes) => this.#take(bytes));
    const to = { ...place, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000, onread };
    this.#socket = tls ? connectTls({ ...to, ...tlsOptions(tls, place) }) : connect(to);
    this.#socket.on('error', ({ message }) => this.fail(status.UNAVAILABLE, message));
    this.#socket.once('close', () => this.fail(status.UNAVAILABLE, 'the server ended the connection'));
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  /** @throws BulkFailure if the server refuses this client, or does not speak this protocol */
  async greet(authorization: string, seconds: number): Promise<void> {
    const greeted = this.#begin(seconds);
    await this.#write(greeted, frameKinds.hello, BulkHello.encode({ authorization }).finish());
    await greeted;
  }

  /** Same as {@link ShardCalls.upload}. The data must not change before this settles. @throws BulkFailure */
  async upload(target: unroll.v1.UploadTarget, chunks: Chunks, seconds: number): Promise<void> {
    const answered = this.#begin(seconds);
    try {
      await this.#write(answered, frameKinds.upload, UploadRequest.encode({ target }).finish());
      for await (const { offsets, data } of chunks) {
        await this.#write(answered, frameKinds.chunk, UploadRequest.encode({ offsets }).finish(), data);
      }
    } catch (error) {
      this.fail(status.CANCELLED, 'the chunks could not be made');
      throw error;
    }
    await this.#write(answered, frameKinds.end);
    await this.#soon(answered);
  }

  /** Same as {@link ShardCalls.pull}. A chunk is valid until the next is requested. @throws BulkFailure */
  async *pull(request: unroll.v1.PullRequest, seconds: number): AsyncGenerator<Chunk> {
    let next = this.#begin(seconds);
    try {
      await this.#write(next, frameKinds.pull, PullRequest.encode(request).finish());
      for (let chunk = await next; chunk; chunk = await next) {
        yield chunk;
        next = this.#expect();
        this.#readOn();
      }
    } finally {
      if (this.#awaited) this.fail(status.CANCELLED, 'the pull was given up');
    }
  }

  /** Ends the connection; the call in flight fails. */
  fail(code: status, details: string): void {
    if (this.#failure) return;
    this.#failure = new BulkFailure(code, details);
    clearTimeout(this.#deadline);
    this.#socket.destroy();
    this.#awaited?.reject(this.#failure);
    this.#awaited = undefined;
  }

  #begin(seconds: number): Promise<Chunk | undefined> {
    const late = () => this.fail(status.DEADLINE_EXCEEDED, 'the deadline has passed');
    this.#deadline = setTimeout(late, seconds * 1000);
    // Unref'd between calls, so that an idle connection keeps no process alive; ref it for this call.
    this.#socket.ref();
    return this.#expect();
  }

  #expect(): Promise<Chunk | undefined> {
    const expected = new Promise<Chunk | undefined>((resolve, reject) => {
      if (this.#failure) reject(this.#failure);
      else this.#awaited = { resolve, reject };
    });
    // It may fail while something else is awaited; it is awaited afterwards.
    expected.catch(() => undefined);
    return expected;
  }

  #succeed(): void {
    clearTimeout(this.#deadline);
    this.#socket.unref();
    this.#awaited?.resolve(undefined);
    this.#awaited = undefined;
  }

  /** Sends a frame, but stops waiting if the call has failed. */
  #write(answered: Promise<unknown>, kind: number, message?: Uint8Array, data?: Uint8Array): Promise<unknown> {
    this.#count('sent', (message?.length ?? 0) + (data?.length ?? 0));
    // The reason for the connection's end becomes known a moment after writing fails.
    const written = writeFrame(this.#socket, kind, message, data).catch(() => answered);
    return this.#soon(Promise.race([answered, written]));
  }

  /** Fails the connection as lost if `progress` takes too long. */
  async #soon<Result>(progress: Promise<Result>): Promise<Result> {
    const lost = () => this.fail(status.UNAVAILABLE, `the server took nothing for ${this.#stallSeconds} seconds`);
    const stall = setTimeout(lost, this.#stallSeconds * 1000);
    try {
      return await progress;
    } finally {
      clearTimeout(stall);
    }
  }

  /** @returns whether to read on */
  #take(bytes: Uint8Array): boolean {
    if (this.isOpen) this.#attempt(() => this.#reader.take(bytes));
    return !this.#reader.isHeld;
  }

  #readOn(): void {
    this.#attempt(() => this.#reader.release());
    if (!this.#reader.isHeld) this.#socket.resume();
  }

  #attempt(read: () => void): void {
    try {
      read();
    } catch (error) {
      // The other end is not a parameter server of this version.
      this.fail(status.UNAVAILABLE, (error as Error).message);
    }
  }

  /** @throws FrameError if the server may not send this frame */
  #receive({ kind, message, dataBytes }: Frame): ByteSink {
    this.#count('received', message.length + dataBytes);
    if (kind === frameKinds.chunk) return this.#chunkSink(PullResponse.decode(message).offsets, dataBytes);
    if (kind !== frameKinds.status) throw new FrameError(`a frame of the kind ${kind} out of turn`);
    const { code, details } = BulkStatus.decode(message);
    if (code === status.OK) this.#succeed();
    else this.fail(code, details);
    return noData;
  }

  #chunkSink(offsets: number[], dataBytes: number): ByteSink {
    if (this.#buffer.length < dataBytes) this.#buffer = new Uint8Array(dataBytes);
    const data = this.#buffer.subarray(0, dataBytes);
    let filled = 0;
    return {
      write: (bytes) => {
        data.set(bytes, filled);
        filled += bytes.length;
      },
      end: () => {
        // Hold: the next chunk would overwrite this one.
        this.#reader.hold();
        this.#awaited?.resolve({ offsets, data });
      },
    };
  }
}
