/**
 * A chunk as the protobuf message that UploadRequest and PullResponse make of it, without the copy that protobufjs makes:
 * grpc-js asks a serialized message for its length and has it copied behind its frame's header, once. Field numbers are
 * those of proto/unroll/v1/parameter_server.proto.
 */
import type { Chunk } from './shard-vector.js';

export interface ChunkFields {
  readonly offsets: number;
  readonly data: number;
}

/** The message of a chunk, as what grpc-js uses of a buffer. @returns a view of the chunk's data, not a copy */
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

  /** As `Buffer.copy`, of the whole message. */
  copy(target: Uint8Array, start = 0): number {
    target.set(this.#head, start);
    target.set(this.#data, start + this.#head.length);
    return this.length;
  }
}

/** Everything of the message but the bytes of its data, which are its end. */
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

/** Of an unsigned integer of 32 bits. */
function writeVarint(bytes: number[], value: number): void {
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
}
