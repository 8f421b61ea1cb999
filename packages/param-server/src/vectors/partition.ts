/**
 * Assigns the rows of each parameter to shards. Depends only on names, shapes and the number of shards, so that clients
 * and servers compute the same assignment. It moves no data; `shard-vector.ts` does.
 */
import { elementCount } from '@unroll/core/onnx';
import type { ParameterShape } from './model.js';

/**
 * Rows of a parameter (a range of its first axis) and their position in the shard's vector. All counts are in elements.
 */
export interface Slice {
  readonly parameter: string;
  /** Where the rows start in the parameter. */
  readonly start: number;
  /** Where the rows start in the shard's vector. */
  readonly offset: number;
  readonly length: number;
  readonly rowLength: number;
}

/**
 * One shard's rows of a table: every `stride`-th row from `firstRow` on, laid end to end. This way the shards share the
 * frequent words, which tokenizers put in the first rows.
 */
export interface TableSlice {
  readonly parameter: string;
  readonly firstRow: number;
  readonly stride: number;
  readonly rows: number;
  /** Where the rows start in the shard's vector. */
  readonly offset: number;
  readonly rowLength: number;
}

/**
 * The slices of one shard, laid end to end in the order of the parameters' names; then its rows of tables, likewise.
 */
export interface ShardLayout {
  readonly slices: readonly Slice[];
  /** The number of elements of the slices; 0 if the model has fewer rows than there are shards. */
  readonly denseLength: number;
  readonly tables: readonly TableSlice[];
  /** The number of elements of the shard's vector. */
  readonly length: number;
}

/**
 * Lays the parameters that are not row tables end to end by name, and cuts them into `shards` contiguous runs of whole
 * rows, as equal in bytes as possible. A row belongs to the shard whose equal share of the elements contains the row's
 * middle. The rows of tables are dealt out one by one.
 */
export function partition(parameters: readonly ParameterShape[], shards: number): ShardLayout[] {
  const byName = parameters.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const runs = contiguousRuns(
    byName.filter(({ byRows }) => !byRows),
    shards,
  );
  const tables = byName.filter(({ byRows }) => byRows);
  return runs.map(({ slices, length }, shard) => withTables(slices, length, tables, shard, shards));
}

function contiguousRuns(parameters: readonly ParameterShape[], shards: number) {
  const total = parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const layouts = Array.from({ length: shards }, () => ({ slices: [] as Slice[], length: 0 }));
  let base = 0;
  for (const { name, shape } of parameters) {
    const rows = shape[0] ?? 1;
    const rowLength = elementCount(shape.slice(1));
    const firstRow = (shard: number): number => {
      const row = Math.ceil(((shard * total) / shards - base) / rowLength - 0.5);
      return Math.min(Math.max(row, 0), rows);
    };
    for (const [shard, layout] of layouts.entries()) {
      const from = firstRow(shard);
      const to = shard === shards - 1 ? rows : firstRow(shard + 1);
      if (to <= from) continue;
      const length = (to - from) * rowLength;
      layout.slices.push({ parameter: name, start: from * rowLength, offset: layout.length, length, rowLength });
      layout.length += length;
    }
    base += rows * rowLength;
  }
  return layouts;
}

function withTables(
  slices: readonly Slice[],
  denseLength: number,
  parameters: readonly ParameterShape[],
  shard: number,
  shards: number,
): ShardLayout {
  const tables: TableSlice[] = [];
  let length = denseLength;
  for (const { name, shape } of parameters) {
    const rows = Math.ceil(((shape[0] ?? 1) - shard) / shards);
    if (rows <= 0) continue;
    const rowLength = elementCount(shape.slice(1));
    tables.push({ parameter: name, firstRow: shard, stride: shards, rows, offset: length, rowLength });
    length += rows * rowLength;
  }
  return { slices, denseLength, tables, length };
}
