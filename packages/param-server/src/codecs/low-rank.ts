/**
 * A slice as the product P·Qᵀ of two narrow matrices, `[rows, rank]` and `[rowLength, rank]`. A record: its tag, the rank in
 * two bytes, P, Q in float32.
 */
import type { Slice } from '../partition.js';
import { type ByteReader, malformed } from './byte-reader.js';

export const lowRankTag = 4;

export interface LowRank {
  readonly rank: number;
  /** `[rows, rank]` */
  readonly p: Float32Array;
  /** `[rowLength, rank]` */
  readonly q: Float32Array;
}

export function writeLowRank({ rank, p, q }: LowRank): Uint8Array {
  const record = new Uint8Array(3 + p.byteLength + q.byteLength);
  record.set([lowRankTag, rank & 0xff, rank >> 8]);
  record.set(new Uint8Array(p.buffer, p.byteOffset, p.byteLength), 3);
  record.set(new Uint8Array(q.buffer, q.byteOffset, q.byteLength), 3 + p.byteLength);
  return record;
}

/** Reads what follows the tag. @throws Refusal if the rank is beyond the matrix's, or there are too few bytes */
export function readLowRank(reader: ByteReader, { length, rowLength }: Slice, values: Float32Array): void {
  const rows = length / rowLength;
  const rank = reader.uint16();
  if (rank === 0 || rank > Math.min(rows, rowLength)) {
    throw malformed(`has rank ${rank} for a matrix of [${rows}, ${rowLength}]`);
  }
  product({ rank, p: reader.float32(rows * rank), q: reader.float32(rowLength * rank) }, values);
}

/** P·Qᵀ into `values`, `[rows, rowLength]`. */
export function product({ rank, p, q }: LowRank, values: Float32Array): void {
  const columns = q.length / rank;
  for (let row = 0; row < p.length / rank; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += p[row * rank + k]! * q[column * rank + k]!;
      values[row * columns + column] = sum;
    }
  }
}
