/**
 * Converts weights of a recurrent layer between PyTorch's layout and this project's. Each conversion is its own
 * inverse. `torch-parameters.ts` knows which tensors a network has.
 */
import type { NetworkCell } from './cells.js';

/**
 * Reorders the gates of a GRU from PyTorch's order r, z, n to Keras's z, r, n, or back; other cells' gates have the
 * same order in both.
 * @param values [gates·hidden, …], row-major
 */
export function withGatesReordered(cell: NetworkCell, values: Float32Array): Float32Array<ArrayBuffer> {
  const ordered = Float32Array.from(values);
  if (cell !== 'gru') return ordered;
  const gate = values.length / 3;
  ordered.set(values.subarray(gate, 2 * gate), 0);
  ordered.set(values.subarray(0, gate), gate);
  return ordered;
}

/** Transposes a row-major matrix [rows, columns] to [columns, rows]. */
export function transposed(values: Float32Array, rows: number): Float32Array<ArrayBuffer> {
  const columns = values.length / rows;
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column]!;
  }
  return result;
}
