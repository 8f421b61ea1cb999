/**
 * Locates rows of tables in the shards' vectors: the rows that a shard holds, and those that a worker requests. It
 * moves no data.
 */

import { Refusal } from '../shard/refusal.js';
import type { ShardLayout, TableSlice } from '../vectors/partition.js';

/** Row numbers by table, ascending and without duplicates. */
export type RowIds = Readonly<Record<string, Int32Array>>;

/** The table rows to read: only these rows, by where they start in the shard's vector; or all rows; or none. */
export type TableSelection = { readonly rows: readonly number[] } | { readonly whole: boolean };

/** Returns the index of the table that has a row starting at this element; undefined if there is none. */
export function tableAt({ tables }: ShardLayout, start: number): number | undefined {
  // Tables ascend, and there may be many thousand. Find the last one that does not begin behind the element.
  let [from, to] = [0, tables.length];
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    if (tables[middle]!.offset <= start) from = middle;
    else to = middle;
  }
  const table = tables[from];
  if (!table || start < table.offset || start >= table.offset + table.rows * table.rowLength) return undefined;
  return (start - table.offset) % table.rowLength === 0 ? from : undefined;
}

/** Returns where a row of the whole table starts in this shard's vector; undefined if another shard holds it. */
export function startOfRow({ firstRow, stride, offset, rowLength }: TableSlice, row: number): number | undefined {
  return row % stride === firstRow ? offset + ((row - firstRow) / stride) * rowLength : undefined;
}

export function rowAt({ firstRow, stride, offset, rowLength }: TableSlice, start: number): number {
  return firstRow + ((start - offset) / rowLength) * stride;
}

/** Returns where the rows that the shard holds start, ascending. */
export function startsOf({ tables }: ShardLayout, ids: RowIds): number[] {
  return tables.flatMap((table) => {
    const starts: number[] = [];
    for (const row of ids[table.parameter] ?? []) {
      const start = startOfRow(table, row);
      if (start !== undefined) starts.push(start);
    }
    return starts;
  });
}

/** Groups the rows that a worker requests by table. @throws Refusal unless they are rows of tables and ascend */
export function rowsByTable(layout: ShardLayout, starts: readonly number[]): readonly (readonly number[])[] {
  const chosen = layout.tables.map((): number[] => []);
  let last = -1;
  for (const start of starts) {
    const table = tableAt(layout, start);
    if (table === undefined || start <= last) {
      throw new Refusal(
        'failed-precondition',
        `a row at ${start} was asked for, which the shard has not; use a client of this version`,
      );
    }
    chosen[table]!.push(start);
    last = start;
  }
  return chosen;
}
