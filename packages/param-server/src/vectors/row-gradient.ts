/** The gradient of a shard's tables: its nonzero rows, in row order, so that sums are the same in every run. */
import type { ShardLayout } from './partition.js';

/** Rows of one table of a shard. */
export interface TableRows {
  /** Where the rows start in the shard's vector, ascending. */
  readonly starts: readonly number[];
  /** The rows' values, one row after another. */
  readonly values: Float32Array;
}

/** In the order of the layout's tables. */
export type RowGradient = readonly TableRows[];

export function noRows({ tables }: ShardLayout): RowGradient {
  return tables.map(() => ({ starts: [], values: new Float32Array(0) }));
}

/** Returns the sum of two gradients. */
export function addRows({ tables }: ShardLayout, a: RowGradient, b: RowGradient): RowGradient {
  return tables.map(({ rowLength }, k) => merged(a[k]!, b[k]!, rowLength));
}

export function scaleRows(gradient: RowGradient, scale: number): void {
  for (const { values } of gradient) for (let i = 0; i < values.length; i++) values[i]! *= scale;
}

export function sumOfSquaresOfRows(gradient: RowGradient): number {
  let sum = 0;
  for (const { values } of gradient) for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return sum;
}

function merged(a: TableRows, b: TableRows, rowLength: number): TableRows {
  const starts: number[] = [];
  const values = new Float32Array(a.values.length + b.values.length);
  for (let i = 0, j = 0; i < a.starts.length || j < b.starts.length; ) {
    const start = Math.min(a.starts[i] ?? Number.POSITIVE_INFINITY, b.starts[j] ?? Number.POSITIVE_INFINITY);
    const to = starts.length * rowLength;
    if (a.starts[i] === start) addRow(values, to, a.values, i++ * rowLength, rowLength);
    if (b.starts[j] === start) addRow(values, to, b.values, j++ * rowLength, rowLength);
    starts.push(start);
  }
  return { starts, values: values.subarray(0, starts.length * rowLength) };
}

function addRow(sum: Float32Array, to: number, values: Float32Array, from: number, length: number): void {
  for (let k = 0; k < length; k++) sum[to + k]! += values[from + k]!;
}
