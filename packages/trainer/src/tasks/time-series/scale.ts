/** Brings series to zero mean and unit variance, and forecasts back. */
import type { TimeSeries } from './csv.js';

/** For each series what is subtracted, and by what the rest is divided. */
export interface Scale {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** The scale of the rows [from, to), without values that are missing; a constant series is not stretched. */
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

/** [times, series] */
export function scaled({ names, values }: TimeSeries, { mean, deviation }: Scale): Float32Array {
  return Float32Array.from(values, (value, index) => {
    const k = index % names.length;
    return (value - mean[k]!) / deviation[k]!;
  });
}
