/**
 * Moves rows of tables, in chunks, between a worker's copies and a shard's vector; `shard-vector.ts` moves everything
 * else.
 */
import type { NamedGradients } from '../vectors/gradient-rows.js';
import type { ShardLayout, TableSlice } from '../vectors/partition.js';
import {
  type Chunk,
  chunkLength,
  chunksOf,
  float32Bytes,
  type NamedValues,
  nonzeroRows,
  type Part,
  partsOfParameters,
  piecesOf,
  scatterChunk,
} from '../vectors/shard-vector.js';
import { type RowIds, rowAt, startOfRow } from './row-selection.js';

/** Writes a row of a table into an array of the row's length. */
export type RowReader = (row: number, into: Float32Array) => void;

/** Yields rows of the tables. @param chosen by table: where the rows start in the shard's vector */
export function* chunksOfRows(
  { tables }: ShardLayout,
  vector: Float32Array,
  chosen: readonly (readonly number[])[],
): Generator<Chunk> {
  for (const [index, starts] of chosen.entries()) {
    const { rowLength } = tables[index]!;
    yield* gathered(starts, rowLength, (k, into) => into.set(vector.subarray(starts[k], starts[k]! + rowLength)));
  }
}

/**
 * Yields a shard's part of the tables' gradients, which are given as rows. A table without a gradient yields nothing.
 */
export function* chunksOfGradient({ tables }: ShardLayout, gradients: NamedGradients): Generator<Chunk> {
  for (const table of tables) {
    const gradient = gradients[table.parameter];
    if (gradient === undefined || gradient instanceof Float32Array) continue;
    const { rowLength } = table;
    const own: number[] = [];
    const starts: number[] = [];
    for (const [k, row] of gradient.rows.entries()) {
      const start = startOfRow(table, row);
      if (start === undefined) continue;
      own.push(k);
      starts.push(start);
    }
    yield* gathered(starts, rowLength, (k, into) =>
      into.set(gradient.values.subarray(own[k]! * rowLength, (own[k]! + 1) * rowLength)),
    );
  }
}

/**
 * Yields everything that a shard is to hold. A table's rows come from its reader in `readers` or, if it has none, from
 * `values`.
 */
export function* chunksOfValues(
  layout: ShardLayout,
  values: NamedValues,
  readers: Readonly<Record<string, RowReader>>,
): Generator<Chunk> {
  const parts = partsOfParameters(layout, values);
  yield* chunksOf(parts, nonzeroRows(parts));
  for (const table of layout.tables) {
    yield* chunksOfTable(table, readers[table.parameter] ?? readerOf(values[table.parameter]!, table.rowLength));
  }
}

function readerOf(values: Float32Array, rowLength: number): RowReader {
  return (row, into) => into.set(values.subarray(row * rowLength, (row + 1) * rowLength));
}

function* chunksOfTable({ firstRow, stride, rows, offset, rowLength }: TableSlice, read: RowReader): Generator<Chunk> {
  const rowsPerChunk = Math.max(1, Math.floor(chunkLength / rowLength));
  for (let from = 0; from < rows; from += rowsPerChunk) {
    const count = Math.min(rowsPerChunk, rows - from);
    const values = new Float32Array(count * rowLength);
    for (let k = 0; k < count; k++) {
      read(firstRow + (from + k) * stride, values.subarray(k * rowLength, (k + 1) * rowLength));
    }
    yield { offsets: [offset + from * rowLength], data: float32Bytes(values) };
  }
}

/** Returns the tables in a shard's vector. Views, not copies. */
export function partsOfTables({ tables }: ShardLayout, vector: Float32Array): Part[] {
  return tables.map(({ offset, rows, rowLength }) => ({
    values: vector.subarray(offset, offset + rows * rowLength),
    offset,
    rowLength,
  }));
}

/** Writes a chunk of a shard's vector to its place in whole parameters. */
export function scatterValues(layout: ShardLayout, values: NamedValues, chunk: Chunk): void {
  scatterChunk(layout, values, chunk);
  if (layout.tables.length > 0) scatterTables(layout, values, chunk);
}

function scatterTables({ tables }: ShardLayout, values: NamedValues, chunk: Chunk): void {
  for (const { offset, data } of piecesOf(chunk)) {
    const table = tables.find(
      (table) => offset >= table.offset && offset < table.offset + table.rows * table.rowLength,
    );
    if (!table) continue;
    const rowBytes = 4 * table.rowLength;
    const target = float32Bytes(values[table.parameter]!);
    for (let at = 0; at < data.length; at += rowBytes) {
      target.set(data.subarray(at, at + rowBytes), rowAt(table, offset + at / 4) * rowBytes);
    }
  }
}

/** Returns a function that writes the requested rows to the positions of their ids. */
export function rowReceiver({ tables }: ShardLayout, ids: RowIds, into: NamedValues): (chunk: Chunk) => void {
  const places = new Map(
    Object.entries(ids).map(([table, rows]) => [table, new Map([...rows].map((row, k) => [row, k]))]),
  );
  const tableOf = (start: number): TableSlice =>
    tables.find(({ offset, rows, rowLength }) => start >= offset && start < offset + rows * rowLength)!;
  return (chunk) => {
    for (const { offset, data } of piecesOf(chunk)) {
      const table = tableOf(offset);
      const place = places.get(table.parameter)!.get(rowAt(table, offset))!;
      float32Bytes(into[table.parameter]!).set(data, 4 * place * table.rowLength);
    }
  };
}

/** Yields rows in chunks, each row written by `write`. */
function* gathered(
  starts: readonly number[],
  rowLength: number,
  write: (index: number, into: Float32Array) => void,
): Generator<Chunk> {
  const rowsPerChunk = Math.max(1, Math.floor(chunkLength / rowLength));
  for (let from = 0; from < starts.length; from += rowsPerChunk) {
    const offsets = starts.slice(from, from + rowsPerChunk);
    const values = new Float32Array(offsets.length * rowLength);
    for (const k of offsets.keys()) write(from + k, values.subarray(k * rowLength, (k + 1) * rowLength));
    yield { offsets, data: float32Bytes(values) };
  }
}
