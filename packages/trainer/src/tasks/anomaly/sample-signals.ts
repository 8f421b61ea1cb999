/** Small signals drawn from waves and noise, each with two anomalies whose places are known: for tests and first tries. */
import { type Random, seededRandom } from '@unroll/core/decoding';
import type { Signal } from './signal.js';

const rows = 1500;
const interval = 5 * 60 * 1000;
/** Rows from which the wave is disturbed, for so many rows, in windows that begin before and end after. */
const anomalies = [700, 1200];
const disturbed = 12;
const margin = 20;

/** The signals; the same at every call. */
export function sampleSignals(): Signal[] {
  const random = seededRandom(3);
  return [24, 36, 60].map((period, k) => ({
    name: `wave-${period}`,
    names: ['value'],
    times: Array.from({ length: rows }, (_, row) => Date.UTC(2020, 0, 1) + row * interval),
    values: Float64Array.from({ length: rows }, (_, row) => valueAt(row, { period, level: 10 * k, random })),
    windows: anomalies.map((start) => ({ from: start - margin, to: start + disturbed + margin })),
  }));
}

function valueAt(row: number, { period, level, random }: { period: number; level: number; random: Random }): number {
  const wave = Math.sin((2 * Math.PI * row) / period);
  const isDisturbed = anomalies.some((start) => row >= start && row < start + disturbed);
  return level + (isDisturbed ? -1.5 * wave + 1.5 : wave) + 0.1 * (random() - 0.5);
}
