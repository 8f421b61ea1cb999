/**
 * How PyTorch and this project lay out the same weights of a recurrent layer: two conversions, each its own way back.
 * Which tensors a network has is not said here.
 */
import type { Cell } from '../models/language-model-config.js';

/**
 * The gates of a GRU from PyTorch's order r, z, n to Keras's z, r, n, or back; other cells' gates stand alike in both.
 * @param values [gates·hidden, …], row-major
 */
export function withGatesReordered(cell: Cell, values: Float32Array): Float32Array<ArrayBuffer> {
  const ordered = Float32Array.from(values);
  if (cell !== 'gru') return ordered;
  const gate = values.length / 3;
  ordered.set(values.subarray(gate, 2 * gate), 0);
  ordered.set(values.subarray(0, gate), gate);
  return ordered;
}

/** A matrix [rows, columns], row-major, as [columns, rows]. */
export function transposed(values: Float32Array, rows: number): Float32Array<ArrayBuffer> {
  const columns = values.length / rows;
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column]!;
  }
  return result;
}
