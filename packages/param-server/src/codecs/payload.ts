/**
 * The format of an encoded vector: one record for each slice of a shard's layout, in order. A record begins with a byte
 * that says how its values are encoded, so the reader need not know the codec. The bytes come from outside and are
 * checked.
 */

import { Refusal } from '../shard/refusal.js';
import type { LongWork } from '../time/long-work.js';
import type { ShardLayout, Slice } from '../vectors/partition.js';
import { bfloat16Format } from './bfloat16.js';
import { readBlocks } from './blocks.js';
import { ByteReader } from './byte-reader.js';
import { int8Format } from './int8.js';
import { lowRankTag, readLowRank } from './low-rank.js';
import { float32Format, type NumberFormat } from './number-format.js';
import type { Written } from './written.js';

const formats = new Map<number, NumberFormat>(
  [float32Format, bfloat16Format, int8Format].map((format) => [format.tag, format]),
);

/**
 * Returns the greatest size of an encoded vector in bytes. Every codec stays below it; it would rather send float32.
 */
export function mostBytes({ slices, length }: ShardLayout): number {
  return 4.25 * length + 64 * slices.length;
}

/**
 * Decodes an encoded vector into `vector`. Elements that are zero are not written.
 * @throws Refusal if the bytes are not exactly such a vector
 */
export function* decodeVector(
  bytes: Uint8Array,
  { slices }: ShardLayout,
  vector: Float32Array,
  written: Written,
): LongWork {
  const reader = new ByteReader(bytes);
  for (const slice of slices) {
    const { offset, length } = slice;
    const values = vector.subarray(offset, offset + length);
    yield* readRecord(reader, slice, values, (from, to) => written(offset + from, offset + to));
  }
  reader.requireEnd();
}

/** Decodes the record of one slice into `values`. Elements that are zero are not written. */
export function* readRecord(reader: ByteReader, slice: Slice, values: Float32Array, written: Written): LongWork {
  const tag = reader.byte();
  const format = formats.get(tag);
  if (format) yield* readBlocks(reader, format, slice, values, written);
  else if (tag === lowRankTag) yield* readLowRank(reader, slice, values, written);
  else throw new Refusal('failed-precondition', `an encoded vector has a record of the unknown kind ${tag}`);
}
