/** Which rows of tables a shard has, and which of them a worker asks for: their places in the shard's vector. It moves no data. */
import type { ShardLayout, TableSlice } from '../partition.js';
import { Refusal } from '../shard/refusal.js';

/** Rows by table, each ascending and none twice. */
export type RowIds = Readonly<Record<string, Int32Array>>;

/** What of tables is read: these rows, where they start in the shard's vector, and nothing else; or all rows; or none. */
export type TableSelection = { readonly rows: readonly number[] } | { readonly whole: boolean };

/** The index of the table of which a row starts at this element; undefined if none does. */
export function tableAt({ tables }: ShardLayout, start: number): number | undefined {
  // Tables ascend, and there may be many thousand: the last that does not begin behind the element.
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

/** A row of the whole table, as this shard has it; undefined if another shard has it. */
export function startOfRow({ firstRow, stride, offset, rowLength }: TableSlice, row: number): number | undefined {
  return row % stride === firstRow ? offset + ((row - firstRow) / stride) * rowLength : undefined;
}

export function rowAt({ firstRow, stride, offset, rowLength }: TableSlice, start: number): number {
  return firstRow + ((start - offset) / rowLength) * stride;
}

/** Where those of the rows start that the shard has, ascending. */
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

/** The rows that a worker asks for, by table. @throws Refusal unless they are rows of tables and ascend */
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
