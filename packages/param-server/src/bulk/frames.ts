/**
 * The frames of bulk connections, which carry vectors (inside TLS, if TLS is used). HTTP/2 cuts everything into frames
 * of 16 KiB, which cost Node more than the copying; these frames are as long as their messages. A frame starts with a
 * header of three little-endian uint32: its kind, the bytes of its message, the bytes of its data. Then come a message
 * of proto/unroll/v1/parameter_server.proto and, outside of the message, the bytes of its field `data`. So neither side
 * has to join the two.
 */
import type { Writable } from 'node:stream';
import type { ByteSink } from '../vectors/byte-sink.js';

export const frameKinds = {
  /** Opens a connection: BulkHello. Its bytes are "UNRL"; neither HTTP/2 nor TLS begins with them. */
  hello: 0x4c524e55,
  /** Begins an upload: UploadRequest with a target. */
  upload: 1,
  /** UploadRequest or PullResponse, with data. */
  chunk: 2,
  /** Ends an upload; no message. */
  end: 3,
  /** PullRequest. */
  pull: 4,
  /** The answer to the call that the client began: BulkStatus. */
  status: 5,
} as const;

/** The first byte of every bulk connection. */
export const firstByte = frameKinds.hello & 0xff;

export interface Frame {
  readonly kind: number;
  /** Valid until the receiver returns. */
  readonly message: Uint8Array;
  readonly dataBytes: number;
}

/** The received bytes are not a frame, or the frame is too long. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

const headerBytes = 12;

/** Takes bytes as they arrive and reports frames. */
export class FrameReader {
  /** The greatest size of a frame's message and data together, in bytes. */
  limit: number;
  readonly #receive: (frame: Frame) => ByteSink;
  #rest: Uint8Array = new Uint8Array(0);
  /** The beginning of a header or message that arrived in parts. */
  #partial: Buffer | undefined;
  #partialBytes = 0;
  #header: { readonly kind: number; readonly messageBytes: number; readonly dataBytes: number } | undefined;
  #sink: ByteSink | undefined;
  #dataLeft = 0;
  #isHeld = false;

  /** @param receive is called for each frame whose message has arrived, and returns the sink for its data */
  constructor(receive: (frame: Frame) => ByteSink, limit: number) {
    this.#receive = receive;
    this.limit = limit;
  }

  /** Whether reading is on hold until {@link release}. Until then, do not call {@link take}. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Whether the last byte was not the end of a frame. */
  get isWithinFrame(): boolean {
    return this.#header !== undefined || this.#partialBytes > 0;
  }

  /**
   * Reads all frames, or those up to a {@link hold}; in that case the bytes must not change until {@link release}.
   * @throws FrameError; also whatever the receiver and its sinks throw
   */
  take(bytes: Uint8Array): void {
    this.#rest = bytes;
    this.#advance();
  }

  /** Puts reading on hold; called by the receiver or a sink. Bytes behind the current frame wait. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Continues {@link take} with the bytes that were left. */
  release(): void {
    this.#isHeld = false;
    this.#advance();
  }

  #advance(): void {
    while (this.#rest.length > 0 && !this.#isHeld) {
      if (this.#sink) this.#passData(this.#sink);
      else if (this.#header) this.#readMessage(this.#header.messageBytes);
      else this.#readHeader();
    }
  }

  #readHeader(): void {
    const bytes = this.#next(headerBytes);
    if (!bytes) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
    const [kind, messageBytes, dataBytes] = [0, 4, 8].map((at) => view.getUint32(at, true)) as [number, number, number];
    if (messageBytes + dataBytes > this.limit) {
      throw new FrameError(`a frame of ${messageBytes + dataBytes} bytes, where ${this.limit} are the most`);
    }
    this.#header = { kind, messageBytes, dataBytes };
    if (messageBytes === 0) this.#tell(new Uint8Array(0));
  }

  #readMessage(length: number): void {
    const message = this.#next(length);
    if (message) this.#tell(message);
  }

  #tell(message: Uint8Array): void {
    const { kind, dataBytes } = this.#header!;
    this.#sink = this.#receive({ kind, message, dataBytes });
    this.#dataLeft = dataBytes;
    if (dataBytes === 0) this.#endFrame(this.#sink);
  }

  #passData(sink: ByteSink): void {
    const piece = this.#consume(Math.min(this.#dataLeft, this.#rest.length));
    this.#dataLeft -= piece.length;
    sink.write(piece);
    if (this.#dataLeft === 0) this.#endFrame(sink);
  }

  #endFrame(sink: ByteSink): void {
    this.#header = undefined;
    this.#sink = undefined;
    sink.end();
  }

  /** Returns the next `length` bytes, joined if they arrived in parts; undefined if some are still missing. */
  #next(length: number): Uint8Array | undefined {
    if (!this.#partial && this.#rest.length >= length) return this.#consume(length);
    this.#partial ??= Buffer.alloc(length);
    const piece = this.#consume(Math.min(length - this.#partialBytes, this.#rest.length));
    this.#partial.set(piece, this.#partialBytes);
    this.#partialBytes += piece.length;
    if (this.#partialBytes < length) return undefined;
    const whole = this.#partial;
    this.#partial = undefined;
    this.#partialBytes = 0;
    return whole;
  }

  #consume(count: number): Uint8Array {
    const piece = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return piece;
  }
}

const nothing = new Uint8Array(0);

/** The sink of a frame that must not have data. */
export const noData: ByteSink = {
  write: () => {
    throw new FrameError('data behind a message that has none');
  },
  end: () => undefined,
};

/**
 * Sends a frame. The data is not copied: it must not change before the promise settles.
 * @returns when all of it is on its way; rejects if the connection is gone
 */
export function writeFrame(
  stream: Writable,
  kind: number,
  message: Uint8Array = nothing,
  data: Uint8Array = nothing,
): Promise<void> {
  const head = new Uint8Array(headerBytes + message.length);
  const view = new DataView(head.buffer);
  for (const [k, value] of [kind, message.length, data.length].entries()) view.setUint32(4 * k, value, true);
  head.set(message, headerBytes);
  return new Promise((resolve, reject) => {
    const written = (error: Error | null | undefined) => (error ? reject(error) : resolve());
    // Send both in one system call.
    stream.cork();
    if (data.length === 0) {
      stream.write(head, written);
    } else {
      stream.write(head);
      stream.write(data, written);
    }
    stream.uncork();
  });
}
