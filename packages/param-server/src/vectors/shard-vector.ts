/**
 * Moves values between parameters, which a worker holds by name, and a shard's vector, which travels as bytes in
 * chunks. Rows that are zero or unchanged need not travel. For an embedding, these are all rows but those of a batch's
 * words. Bytes are little-endian, as on every machine that Node runs on.
 */
import type { ShardLayout } from './partition.js';

/** Float32 values by parameter name, each with its parameter's element count. */
export type NamedValues = Readonly<Record<string, Float32Array>>;

/**
 * The greatest number of elements in a chunk. A message costs grpc-js the same whatever its size: with 64 KiB, a
 * gigabyte took one and a half times the processor time.
 */
export const chunkLength = (1024 * 1024) / 4;

/** Pieces of a shard's vector, of equal length: where each starts, in elements, and the bytes of all. */
export interface Chunk {
  readonly offsets: number[];
  readonly data: Uint8Array;
}

/** The values of one slice of a layout. */
export interface Part {
  readonly values: Float32Array;
  readonly offset: number;
  readonly rowLength: number;
}

/** Rows of a slice: the offsets of their first elements within it, and the number of elements of each. */
export interface Rows {
  readonly starts: readonly number[];
  readonly length: number;
}

/** For each slice of a layout, the rows that travel; undefined for all of them. */
export type RowSelection = readonly (Rows | undefined)[];

/** Returns the slices of a layout in a worker's parameters. Views, not copies. */
export function partsOfParameters({ slices }: ShardLayout, values: NamedValues): Part[] {
  return slices.map(({ parameter, start, offset, length, rowLength }) => ({
    values: values[parameter]!.subarray(start, start + length),
    offset,
    rowLength,
  }));
}

/** Returns the slices of a layout in the shard's vector. Views, not copies. */
export function partsOfVector({ slices }: ShardLayout, vector: Float32Array): Part[] {
  return slices.map(({ offset, length, rowLength }) => ({
    values: vector.subarray(offset, offset + length),
    offset,
    rowLength,
  }));
}

/**
 * Selects the rows with nonzero values. If such values are few, as when a codec sends few, selects those values alone.
 */
export function nonzeroRows(parts: readonly Part[]): RowSelection {
  return parts.map(({ values, rowLength }) => {
    const starts: number[] = [];
    for (let start = 0; start < values.length; start += rowLength) {
      if (!isZero(values, start, start + rowLength)) starts.push(start);
    }
    const elements = starts.length * rowLength;
    if (hasFewValues(values, fewAmong(elements))) return { starts: nonzeroValues(values), length: 1 };
    return areWorthSelecting(elements, values.length) ? { starts, length: rowLength } : undefined;
  });
}

/**
 * Returns how many nonzero values, at most, travel one by one in place of rows with `elements` elements. The offset of
 * a single value costs as much as the value.
 */
export function fewAmong(elements: number): number {
  return elements / 16;
}

/** Returns whether to send rows with `elements` elements in total one by one: each costs its offset and a copy. */
export function areWorthSelecting(elements: number, all: number): boolean {
  return elements < all / 2;
}

/** Returns whether at most `most` values are nonzero; stops counting as soon as there are more. */
function hasFewValues(values: Float32Array, most: number): boolean {
  let count = 0;
  for (let i = 0; i < values.length && count <= most; i++) if (values[i] !== 0) count += 1;
  return count <= most;
}

function nonzeroValues(values: Float32Array): number[] {
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) found.push(i);
  return found;
}

function isZero(values: Float32Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (values[i] !== 0) return false;
  return true;
}

/** Yields the selected rows in chunks; without a selection, everything. */
export function* chunksOf(parts: readonly Part[], selection?: RowSelection): Generator<Chunk> {
  for (const [index, part] of parts.entries()) {
    const rows = selection?.[index];
    yield* rows ? rowChunks(part, rows) : wholeChunks(part);
  }
}

function* wholeChunks({ values, offset }: Part): Generator<Chunk> {
  for (let start = 0; start < values.length; start += chunkLength) {
    yield { offsets: [offset + start], data: float32Bytes(values.subarray(start, start + chunkLength)) };
  }
}

function* rowChunks({ values, offset }: Part, { starts, length }: Rows): Generator<Chunk> {
  const rowsPerChunk = Math.max(1, Math.floor(chunkLength / length));
  for (let first = 0; first < starts.length; first += rowsPerChunk) {
    const chosen = starts.slice(first, first + rowsPerChunk);
    const gathered = new Float32Array(chosen.length * length);
    for (const [k, start] of chosen.entries()) gathered.set(values.subarray(start, start + length), k * length);
    yield { offsets: chosen.map((start) => offset + start), data: float32Bytes(gathered) };
  }
}

/** Yields each piece of a chunk: where it starts in the shard's vector, in elements, and its bytes. */
export function* piecesOf({ offsets, data }: Chunk): Generator<{ offset: number; data: Uint8Array }> {
  const length = data.length / offsets.length;
  for (const [k, offset] of offsets.entries()) yield { offset, data: data.subarray(k * length, (k + 1) * length) };
}

/** Writes a chunk of the shard's vector to its place in `values`. */
export function scatterChunk(layout: ShardLayout, values: NamedValues, chunk: Chunk): void {
  for (const { offset, data } of piecesOf(chunk)) {
    const end = offset + data.length / 4;
    for (const slice of layout.slices) {
      const from = Math.max(offset, slice.offset);
      const to = Math.min(end, slice.offset + slice.length);
      if (from >= to) continue;
      const target = float32Bytes(values[slice.parameter]!);
      target.set(data.subarray((from - offset) * 4, (to - offset) * 4), (slice.start + from - slice.offset) * 4);
    }
  }
}

/** Writes a chunk of a vector that is not a shard's part of the parameters. */
export function scatterTable(table: Float32Array, chunk: Chunk): void {
  for (const { offset, data } of piecesOf(chunk)) float32Bytes(table).set(data, offset * 4);
}

/** Returns the bytes of a float32 array, without copying. */
export function float32Bytes(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
