/**
 * The arithmetic of weight quantization: chooses the integers and the scale that represent a group of floats.
 * Independent of ONNX. Rounding is symmetric: a weight is `scale · integer`, without a zero point.
 */
import type { Matrix } from './matrix.js';

/** Quantizes a matrix to int8 integers [rows, columns] and a scale for each row. */
export function quantizeRows({ rows, columns, readRow }: Matrix): { integers: Int8Array; scales: Float32Array } {
  const integers = new Int8Array(rows * columns);
  const scales = new Float32Array(rows);
  const row = new Float32Array(columns);
  for (let i = 0; i < rows; i++) {
    readRow(i, row);
    scales[i] = roundToInt8(row, integers.subarray(i * columns, (i + 1) * columns));
  }
  return { integers, scales };
}

/** Transposes [rows, columns] to [columns, rows]. */
export function transpose(values: Int8Array, rows: number, columns: number): Int8Array {
  const transposed = new Int8Array(values.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) transposed[j * rows + i] = values[i * columns + j]!;
  }
  return transposed;
}

/** Writes round(`values` · 127 / max|values|) to `integers`, all in [-127, 127], and returns their scale. */
export function roundToInt8(values: Float32Array, integers: Int8Array): number {
  const scale = Math.fround(Math.abs(extreme(values)) / 127);
  if (scale === 0) {
    integers.fill(0);
    return 0;
  }
  for (let i = 0; i < values.length; i++) integers[i] = clamp(Math.round(values[i]! / scale), -127, 127);
  return scale;
}

/** Candidates for the scale of int4 around the obvious one, relative to it. */
const int4Candidates = Array.from({ length: 19 }, (_, i) => 1 + (i - 9) / 80);

/**
 * Writes integers in [-8, 7] to `integers` and returns their scale, chosen to approximate `values` with the least
 * squared error found.
 *
 * The value of the largest magnitude maps to -8, whatever its sign (the scale may be negative), so that all 16 levels
 * are used. For each of 19 scales around that one, the integers q are rounded. The best scale for them in the
 * least-squares sense is then ⟨x, q⟩ / ⟨q, q⟩, with the error ⟨x, x⟩ − ⟨x, q⟩² / ⟨q, q⟩.
 */
export function roundToInt4(values: Float32Array, integers: Int8Array): number {
  const largest = extreme(values);
  integers.fill(0);
  if (largest === 0) return 0;
  let best = { explained: 0, scale: 0, inverse: 0 };
  for (const candidate of int4Candidates) {
    const inverse = (-8 * candidate) / largest;
    let dot = 0;
    let norm = 0;
    for (const value of values) {
      const integer = clamp(Math.round(value * inverse), -8, 7);
      dot += value * integer;
      norm += integer * integer;
    }
    const explained = (dot * dot) / norm;
    if (explained > best.explained) best = { explained, scale: dot / norm, inverse };
  }
  for (let i = 0; i < values.length; i++) integers[i] = clamp(Math.round(values[i]! * best.inverse), -8, 7);
  return Math.fround(best.scale);
}

/** The value of the largest magnitude, with its sign. */
function extreme(values: Float32Array): number {
  let largest = 0;
  for (const value of values) if (Math.abs(value) > Math.abs(largest)) largest = value;
  return largest;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
