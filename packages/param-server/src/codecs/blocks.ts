/**
 * Encodes a slice of a parameter in blocks of values, and sends only the blocks that hold nonzero values. For an
 * embedding, these are the rows of a batch's words. A record holds the format's tag, one bit per block, and the blocks
 * whose bit is 1.
 */
import type { LongWork } from '../time/long-work.js';
import type { Slice } from '../vectors/partition.js';
import type { ByteReader } from './byte-reader.js';
import { longestBlock, type NumberFormat } from './number-format.js';
import type { Written } from './written.js';

/** Shorter rows are not worth a block of their own. */
const shortestRow = 32;

/** The number of blocks read in one piece of work. */
const blocksAPiece = 4096;

interface Block {
  readonly from: number;
  readonly to: number;
}

/**
 * Writes the blocks of `values` in which `touched`, of the same length, is not zero everywhere.
 * @param values `[slice.length]`
 */
export function writeBlocks(format: NumberFormat, slice: Slice, values: Float32Array, touched = values): Uint8Array {
  const blocks = [...blocksOf(slice)];
  const written = blocks.map(({ from, to }) => !isZero(touched, from, to));
  const mapBytes = Math.ceil(blocks.length / 8);
  const dataBytes = blocks.reduce((sum, { from, to }, k) => sum + (written[k] ? format.bytesOf(to - from) : 0), 0);
  const record = new Uint8Array(1 + mapBytes + dataBytes);
  record[0] = format.tag;
  let at = 1 + mapBytes;
  for (const [k, { from, to }] of blocks.entries()) {
    if (!written[k]) continue;
    record[1 + (k >> 3)]! |= 1 << (k & 7);
    const end = at + format.bytesOf(to - from);
    format.write(values.subarray(from, to), record.subarray(at, end));
    at = end;
  }
  return record;
}

/** Reads the bytes after the tag. @throws Refusal if there are too few bytes */
export function* readBlocks(
  reader: ByteReader,
  format: NumberFormat,
  slice: Slice,
  values: Float32Array,
  written: Written,
): LongWork {
  const { length } = slice;
  const row = lengthOfRows(slice);
  const map = reader.take(Math.ceil(((length / row) * Math.ceil(row / longestBlock)) / 8));
  let k = 0;
  for (const { from, to } of blocksOf(slice)) {
    if (map[k >> 3]! & (1 << (k & 7))) {
      format.read(reader.take(format.bytesOf(to - from)), values.subarray(from, to));
      written(from, to);
    }
    if (++k % blocksAPiece === 0) yield;
  }
}

/** Yields the slice's rows, with long rows cut into blocks. */
function* blocksOf(slice: Slice): Generator<Block> {
  const row = lengthOfRows(slice);
  for (let start = 0; start < slice.length; start += row) {
    for (let from = start; from < start + row; from += longestBlock) {
      yield { from, to: Math.min(from + longestBlock, start + row) };
    }
  }
}

/** Returns the row length; a slice with short rows, such as a vector's, counts as a single row. */
function lengthOfRows({ length, rowLength }: Slice): number {
  return rowLength < shortestRow ? length : rowLength;
}

function isZero(values: Float32Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (values[i] !== 0) return false;
  return true;
}
