/** Generates small signals of waves and noise, for tests and first tries. Each has two anomalies at known places. */
import { type Random, seededRandom } from '@unroll/core/decoding';
import type { Signal } from './signal.js';

const rows = 1500;
const interval = 5 * 60 * 1000;
/** First row of each disturbance. It lasts `disturbed` rows, in a window that is `margin` rows wider on both sides. */
const anomalies = [700, 1200];
const disturbed = 12;
const margin = 20;

/** Returns the signals; every call returns the same. */
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
