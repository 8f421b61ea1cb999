/**
 * Moves values between parameters, which a worker holds by name, and a shard's vector, which travels as bytes.
 * Bytes are little-endian, as on every machine that Node runs on.
 */
import type { ShardLayout } from './partition.js';

/** Float32 values by parameter name, each of its parameter's element count. */
export type NamedValues = Readonly<Record<string, Float32Array>>;

/**
 * Elements of the pieces in which vectors travel. Every message is allocated and copied several times on its way: 64 KiB
 * stay in the allocator's and the processor's caches, where 1 MiB cost twice the processor time.
 */
export const chunkLength = (64 * 1024) / 4;

/** A piece of a shard's vector: `offset` counts elements, `data` is their bytes. */
export interface Chunk {
  readonly offset: number;
  readonly data: Uint8Array;
}

/** Elements `[from, to)` of the shard's vector in pieces of at most {@link chunkLength}; views of the values, not copies. */
export function* vectorChunks(layout: ShardLayout, values: NamedValues, from: number, to: number): Generator<Chunk> {
  for (const { parameter, start, offset, length } of layout.slices) {
    const end = Math.min(to, offset + length);
    for (let at = Math.max(from, offset); at < end; at += chunkLength) {
      const first = start + at - offset;
      const count = Math.min(chunkLength, end - at);
      yield { offset: at, data: float32Bytes(values[parameter]!.subarray(first, first + count)) };
    }
  }
}

/** Writes a piece of the shard's vector to where it belongs in `values`. */
export function scatterChunk(layout: ShardLayout, values: NamedValues, { offset, data }: Chunk): void {
  const end = offset + data.length / 4;
  for (const slice of layout.slices) {
    const from = Math.max(offset, slice.offset);
    const to = Math.min(end, slice.offset + slice.length);
    if (from >= to) continue;
    const target = float32Bytes(values[slice.parameter]!);
    target.set(data.subarray((from - offset) * 4, (to - offset) * 4), (slice.start + from - slice.offset) * 4);
  }
}

/** The bytes of a float32 array, without copying. */
export function float32Bytes(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
