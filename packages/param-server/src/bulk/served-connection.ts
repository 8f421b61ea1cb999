/**
 * The server's end of a bulk connection: uploads and pulls, one at a time, answered as gRPC would. A client that breaks
 * the rules, or whose call is refused, is told so; then its connection ends.
 */
import type { Socket } from 'node:net';
import { status } from '@grpc/grpc-js';
import { unroll } from '../generated/parameter-server.js';
import type { ShardHost } from '../hosting/shard-host.js';
import type { UploadStream } from '../hosting/uploads.js';
import { asStatus, openPull, openUpload } from '../hosting/vector-calls.js';
import { CallMeter } from '../security/call-rate.js';
import type { Visit } from '../security/connection-gate.js';
import { type RefusalLog, tokenMissing } from '../security/refusal-log.js';
import { unknownToken } from '../security/server-security.js';
import { doInTurns } from '../time/long-work.js';
import type { ByteSink } from '../vectors/byte-sink.js';
import { maxMessageBytes } from '../wire/service-definition.js';
import { type Frame, FrameError, FrameReader, frameKinds, noData, writeFrame } from './frames.js';
import { rereading } from './receive-buffer.js';

const { BulkHello, BulkStatus, PullRequest, PullResponse, UploadRequest } = unroll.v1;

export interface ServedConnectionOptions {
  readonly host: ShardHost;
  /** Whether this authorization, in the form of gRPC's metadata, lets a client in. */
  readonly admits: (authorization: string) => boolean;
  /** Notes who was refused. */
  readonly refusals: RefusalLog;
  /** Closes the connection if no greeting lets it in. */
  readonly visit: Visit;
  /** How long a refused client may take to close the connection. */
  readonly farewellSeconds: number;
  /** How long a frame may stall in transit. */
  readonly stallSeconds: number;
}

/** Enough for a hello with a long token. */
const mostHelloBytes = 64 * 1024;

export class ServedConnection {
  readonly closed: Promise<void>;
  readonly #options: ServedConnectionOptions;
  readonly #socket: Socket;
  readonly #address: string;
  readonly #reader = new FrameReader((frame) => this.#receive(frame), mostHelloBytes);
  readonly #calls = new CallMeter(now());
  #state: 'new' | 'idle' | 'opening' | 'uploading' | 'ending' | 'pulling' | 'ended' = 'new';
  #upload: UploadStream | undefined;
  #cancel: () => void = () => undefined;
  #isLast = false;
  #farewell: NodeJS.Timeout | undefined;

  /** @param first the bytes already read from the connection */
  constructor(accepted: Socket, first: Uint8Array, options: ServedConnectionOptions) {
    this.#options = options;
    this.#address = accepted.remoteAddress ?? 'an unknown address';
    const socket = rereading(accepted, (bytes) => this.#take(bytes))
      .setNoDelay()
      .setKeepAlive(true, 30_000);
    this.#socket = socket;
    options.visit.handOver(() => socket.destroy());
    socket.on('error', () => socket.destroy()).on('timeout', () => socket.destroy());
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        clearTimeout(this.#farewell);
        options.visit.end();
        this.#cancel();
        resolve();
      });
    });
    if (this.#take(first)) socket.resume();
    else socket.pause();
  }

  /** Closes the connection after the call in progress, or at once if there is none. */
  finish(): void {
    this.#isLast = true;
    if (this.#state === 'new' || this.#state === 'idle') this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** @returns whether to read on */
  #take(bytes: Uint8Array): boolean {
    // Ignore data that the client sent before it read why its call was refused.
    if (this.#state === 'ended') return true;
    this.#attempt(() => this.#reader.take(bytes));
    return !this.#reader.isHeld;
  }

  #attempt(read: () => void): void {
    try {
      read();
    } catch (error) {
      this.#refuse(error);
    }
    // The worker may compute between calls and between the frames of an upload; this server may compute after an
    // upload.
    const waits = this.#state === 'idle' || this.#state === 'uploading' || this.#state === 'ending';
    if (waits) this.#mayStandStill(!this.#reader.isWithinFrame);
  }

  /** @throws FrameError if this frame may not come now; Refusal if the call is refused */
  #receive({ kind, message, dataBytes }: Frame): ByteSink {
    const state = this.#state;
    if (state === 'uploading' && kind === frameKinds.chunk) {
      return this.#upload!.begin(read(UploadRequest, message).offsets, dataBytes);
    }
    if (state === 'uploading' && kind === frameKinds.end) this.#endUpload();
    else if (state === 'idle' && kind === frameKinds.upload) this.#beginUpload(read(UploadRequest, message));
    else if (state === 'idle' && kind === frameKinds.pull) this.#pull(read(PullRequest, message));
    else if (state === 'new' && kind === frameKinds.hello) this.#greet(read(BulkHello, message));
    else throw new FrameError(`a frame of the kind ${kind} out of turn`);
    return noData;
  }

  #greet({ authorization }: unroll.v1.BulkHello): void {
    const { admits, refusals, visit } = this.#options;
    if (!admits(authorization)) {
      refusals.note('connection', tokenMissing, this.#address);
      throw new Unauthenticated();
    }
    // If there were too many connections, this one has been closed.
    if (!visit.admit()) return;
    this.#reader.limit = maxMessageBytes;
    this.#succeed();
  }

  #beginUpload({ target }: unroll.v1.UploadRequest): void {
    this.#requireCalm();
    this.#state = 'opening';
    // The chunks may follow right behind.
    this.#reader.hold();
    openUpload(this.#options.host, target, (cancel) => {
      this.#cancel = cancel;
    }).then(
      (upload) => {
        this.#upload = upload;
        this.#state = 'uploading';
        this.#readOn();
      },
      (error: unknown) => this.#refuse(error),
    );
  }

  #readOn(): void {
    this.#attempt(() => this.#reader.release());
    if (!this.#reader.isHeld) this.#socket.resume();
  }

  #endUpload(): void {
    this.#state = 'ending';
    // The next call may follow right behind.
    this.#reader.hold();
    const work = doInTurns(this.#upload!.end());
    this.#upload = undefined;
    work.then(
      () => {
        this.#succeed();
        this.#readOn();
      },
      (error: unknown) => this.#refuse(error),
    );
  }

  #pull(request: unroll.v1.PullRequest): void {
    this.#requireCalm();
    this.#state = 'pulling';
    this.#send(request).then(
      () => this.#succeed(),
      (error: unknown) => this.#refuse(error),
    );
  }

  async #send(request: unroll.v1.PullRequest): Promise<void> {
    const chunks = await openPull(this.#options.host, request, (cancel) => {
      this.#cancel = cancel;
    });
    this.#mayStandStill(false);
    for (const { offsets, data } of chunks) {
      const message = PullResponse.encode({ offsets }).finish();
      await writeFrame(this.#socket, frameKinds.chunk, message, data);
    }
  }

  #succeed(): void {
    this.#state = 'idle';
    this.#mayStandStill(true);
    this.#cancel = () => undefined;
    this.#tell(status.OK, '');
    if (this.#isLast) this.#socket.end();
  }

  #refuse(error: unknown): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    const { code, details } = statusOf(error);
    this.#tell(code, details);
    // Closing while data arrives would discard the status. So data is read and thrown away until the client closes.
    this.#socket.end().resume();
    this.#farewell = setTimeout(() => this.#socket.destroy(), this.#options.farewellSeconds * 1000);
  }

  #tell(code: status, details: string): void {
    // A client that is gone need not be told.
    writeFrame(this.#socket, frameKinds.status, BulkStatus.encode({ code, details }).finish()).catch(() => undefined);
  }

  #mayStandStill(may: boolean): void {
    this.#socket.setTimeout(may ? 0 : this.#options.stallSeconds * 1000);
  }

  #requireCalm(): void {
    if (!this.#calls.admits(now())) throw new FrameError('too many calls a second');
  }
}

/** @throws FrameError if the bytes are no message of the type */
function read<Message>(type: { decode(bytes: Uint8Array): Message }, bytes: Uint8Array): Message {
  try {
    return type.decode(bytes);
  } catch (error) {
    throw new FrameError(`a message that cannot be read (${(error as Error).message})`);
  }
}

class Unauthenticated extends Error {}

function statusOf(error: unknown): { code: status; details: string } {
  if (error instanceof Unauthenticated) return { code: status.UNAUTHENTICATED, details: unknownToken };
  if (error instanceof FrameError) return { code: status.RESOURCE_EXHAUSTED, details: error.message };
  return asStatus(error);
}

function now(): number {
  return performance.now() / 1000;
}
