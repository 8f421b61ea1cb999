/** Scales series to zero mean and unit variance. */
import type { TimeSeries } from './csv.js';

/** The number that is subtracted from each series, and the one that then divides it. */
export interface Scale {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** Returns the scale of the rows [from, to), ignoring missing values. A constant series keeps its deviation of 1. */
export function scaleOf({ names, values }: TimeSeries, from: number, to: number): Scale {
  const columns = names.map((_, k) =>
    Array.from({ length: to - from }, (_, row) => values[(from + row) * names.length + k]!).filter(
      (value) => !Number.isNaN(value),
    ),
  );
  const mean = columns.map((column) => column.reduce((sum, value) => sum + value, 0) / Math.max(column.length, 1));
  const deviation = columns.map((column, k) => {
    const variance = column.reduce((sum, value) => sum + (value - mean[k]!) ** 2, 0) / Math.max(column.length, 1);
    return variance > 0 ? Math.sqrt(variance) : 1;
  });
  return { mean, deviation };
}

/** Returns the scaled values, [times, series]. */
export function scaled({ names, values }: TimeSeries, { mean, deviation }: Scale): Float32Array {
  return Float32Array.from(values, (value, index) => {
    const k = index % names.length;
    return (value - mean[k]!) / deviation[k]!;
  });
}
