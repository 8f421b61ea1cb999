/**
 * An encoded vector: one record for each slice of a shard's layout, in their order. A record begins with a byte that says
 * how its values are written; so who reads needs to know of no codec. What is read comes from outside and is checked.
 */
import type { ShardLayout, Slice } from '../partition.js';
import { Refusal } from '../shard/refusal.js';
import { bfloat16Format } from './bfloat16.js';
import { readBlocks } from './blocks.js';
import { ByteReader } from './byte-reader.js';
import { int8Format } from './int8.js';
import { lowRankTag, readLowRank } from './low-rank.js';
import { float32Format, type NumberFormat } from './number-format.js';

const formats = new Map<number, NumberFormat>(
  [float32Format, bfloat16Format, int8Format].map((format) => [format.tag, format]),
);

/** The most bytes of an encoded vector: more than that of any codec, which would send float32 sooner. */
export function mostBytes({ slices, length }: ShardLayout): number {
  return 4.25 * length + 64 * slices.length;
}

/**
 * Reads an encoded vector into `vector`, which is zero before.
 * @throws Refusal if the bytes are not exactly such a vector
 */
export function decodeVector(bytes: Uint8Array, { slices }: ShardLayout, vector: Float32Array): void {
  const reader = new ByteReader(bytes);
  for (const slice of slices) readRecord(reader, slice, vector.subarray(slice.offset, slice.offset + slice.length));
  reader.requireEnd();
}

/** What a record of one slice says. `values` is zero before. */
export function readRecord(reader: ByteReader, slice: Slice, values: Float32Array): void {
  const tag = reader.byte();
  const format = formats.get(tag);
  if (format) readBlocks(reader, format, slice, values);
  else if (tag === lowRankTag) readLowRank(reader, slice, values);
  else throw new Refusal('failed-precondition', `an encoded vector has a record of the unknown kind ${tag}`);
}
