/**
 * Encodes a slice as the product P·Qᵀ of two narrow matrices, `[rows, rank]` and `[rowLength, rank]`. A record holds
 * its tag, the rank in two bytes, then P and Q in float32.
 */
import type { LongWork } from '../time/long-work.js';
import type { Slice } from '../vectors/partition.js';
import { type ByteReader, malformed } from './byte-reader.js';
import type { Written } from './written.js';

export const lowRankTag = 4;

/** The number of scalar products in one piece of work. */
const productsAPiece = 2 ** 20;

/**
 * Returns whether the two narrow matrices take less than half of the slice. Otherwise it is sent unchanged, as vectors
 * are.
 */
export function isWorthFactoring({ length, rowLength }: Slice, rank: number): boolean {
  return 2 * rank * (length / rowLength + rowLength) < length;
}

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

/**
 * Reads the bytes after the tag.
 * @throws Refusal if a slice would be sent unchanged at this rank, or if there are too few bytes
 */
export function* readLowRank(reader: ByteReader, slice: Slice, values: Float32Array, written: Written): LongWork {
  const { length, rowLength } = slice;
  const rows = length / rowLength;
  const rank = reader.uint16();
  if (rank === 0 || !isWorthFactoring(slice, rank)) {
    throw malformed(`has rank ${rank} for a matrix of [${rows}, ${rowLength}]`);
  }
  const factors = { rank, p: reader.float32(rows * rank), q: reader.float32(rowLength * rank) };
  const rowsAPiece = Math.max(1, Math.floor(productsAPiece / (rank * rowLength)));
  for (let from = 0; from < rows; from += rowsAPiece) {
    const to = Math.min(from + rowsAPiece, rows);
    product(factors, values, from, to);
    written(from * rowLength, to * rowLength);
    yield;
  }
}

/** Writes rows `[from, to)` of P·Qᵀ into `values`, `[rows, rowLength]`. */
export function product({ rank, p, q }: LowRank, values: Float32Array, from = 0, to = p.length / rank): void {
  const columns = q.length / rank;
  for (let row = from; row < to; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += p[row * rank + k]! * q[column * rank + k]!;
      values[row * columns + column] = sum;
    }
  }
}
