/**
 * An encoded vector: one record for each slice of a shard's layout, in their order. A record begins with a byte that says
 * how its values are written; so who reads needs to know of no codec. What is read comes from outside and is checked.
 */
import type { LongWork } from '../long-work.js';
import type { ShardLayout, Slice } from '../partition.js';
import { Refusal } from '../shard/refusal.js';
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

/** The most bytes of an encoded vector: more than that of any codec, which would send float32 sooner. */
export function mostBytes({ slices, length }: ShardLayout): number {
  return 4.25 * length + 64 * slices.length;
}

/**
 * Reads an encoded vector into `vector`, of which it leaves what is zero as it is.
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

/** What a record of one slice says. Of `values` it leaves what is zero as it is. */
export function* readRecord(reader: ByteReader, slice: Slice, values: Float32Array, written: Written): LongWork {
  const tag = reader.byte();
  const format = formats.get(tag);
  if (format) yield* readBlocks(reader, format, slice, values, written);
  else if (tag === lowRankTag) yield* readLowRank(reader, slice, values, written);
  else throw new Refusal('failed-precondition', `an encoded vector has a record of the unknown kind ${tag}`);
}
