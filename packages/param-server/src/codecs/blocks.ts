/**
 * A slice of a parameter in blocks of values, of which only those travel in which there is something: of an embedding, the
 * rows of a batch's words. A record: the format's tag, one bit a block, the blocks whose bit is 1.
 */
import type { Slice } from '../partition.js';
import type { ByteReader } from './byte-reader.js';
import type { NumberFormat } from './number-format.js';

/** The most values of a block: so many share one unit in `int8`. */
const blockLength = 256;

/** Rows that are shorter are not worth a block of their own. */
const shortestRow = 32;

interface Block {
  readonly from: number;
  readonly to: number;
}

/**
 * Writes the blocks of `values` in which `touched`, as long, is not zero everywhere.
 * @param values `[slice.length]`
 */
export function writeBlocks(format: NumberFormat, slice: Slice, values: Float32Array, touched = values): Uint8Array {
  const blocks = blocksOf(slice);
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

/** Reads what follows the tag. @throws Refusal if there are too few bytes */
export function readBlocks(reader: ByteReader, format: NumberFormat, slice: Slice, values: Float32Array): void {
  const blocks = blocksOf(slice);
  const map = reader.take(Math.ceil(blocks.length / 8));
  for (const [k, { from, to }] of blocks.entries()) {
    if (map[k >> 3]! & (1 << (k & 7))) {
      format.read(reader.take(format.bytesOf(to - from)), values.subarray(from, to));
    }
  }
}

/** Rows, cut where they are long; all of it as one row where they are short, as those of a vector are. */
function blocksOf({ length, rowLength }: Slice): Block[] {
  const row = rowLength < shortestRow ? length : rowLength;
  const blocks: Block[] = [];
  for (let start = 0; start < length; start += row) {
    for (let from = start; from < start + row; from += blockLength) {
      blocks.push({ from, to: Math.min(from + blockLength, start + row) });
    }
  }
  return blocks;
}

function isZero(values: Float32Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (values[i] !== 0) return false;
  return true;
}
