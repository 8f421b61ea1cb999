/**
 * Encodes a chunk as a protobuf message for UploadRequest and PullResponse, without the copy that protobufjs makes.
 * grpc-js asks a serialized message for its length and has it copied behind its frame's header, once. Field numbers
 * follow proto/unroll/v1/parameter_server.proto.
 */
import type { Chunk } from './shard-vector.js';

export interface ChunkFields {
  readonly offsets: number;
  readonly data: number;
}

/**
 * Returns a chunk's message, with those members of a buffer that grpc-js uses.
 * @returns a view of the chunk's data, not a copy
 */
export function chunkMessage(chunk: Chunk, fields: ChunkFields): Buffer {
  return new ChunkMessage(chunkHead(chunk, fields), chunk.data) as unknown as Buffer;
}

class ChunkMessage implements Pick<Buffer, 'length' | 'byteLength'> {
  readonly length: number;
  readonly #head: Uint8Array;
  readonly #data: Uint8Array;

  constructor(head: Uint8Array, data: Uint8Array) {
    this.#head = head;
    this.#data = data;
    this.length = head.length + data.length;
  }

  get byteLength(): number {
    return this.length;
  }

  /** Copies the whole message, like `Buffer.copy`. */
  copy(target: Uint8Array, start = 0): number {
    target.set(this.#head, start);
    target.set(this.#data, start + this.#head.length);
    return this.length;
  }
}

/** Returns all bytes of the message before its data, which comes last. */
function chunkHead({ offsets, data }: Chunk, fields: ChunkFields): Uint8Array {
  const packed: number[] = [];
  for (const offset of offsets) writeVarint(packed, offset);
  const head: number[] = [];
  if (packed.length > 0) {
    writeLengthDelimited(head, fields.offsets, packed.length);
    for (const byte of packed) head.push(byte);
  }
  if (data.length > 0) writeLengthDelimited(head, fields.data, data.length);
  return Uint8Array.from(head);
}

function writeLengthDelimited(bytes: number[], field: number, length: number): void {
  writeVarint(bytes, (field << 3) | 2);
  writeVarint(bytes, length);
}

/** Writes an unsigned 32-bit integer. */
function writeVarint(bytes: number[], value: number): void {
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
}
