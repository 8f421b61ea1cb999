/**
 * PowerSGD: a gradient as a matrix of low rank. Vogels, Karimireddy and Jaggi (2019), "PowerSGD: Practical low-rank
 * gradient compression for distributed optimization", algorithm 1: one step of the power iteration, started where the
 * last ended. The difference: in the paper, the workers' P and then their Q are averaged, in two exchanges. Here each
 * worker approximates its own gradient, in the single exchange of a step, and the servers add the products.
 */
import type { Slice } from '../vectors/partition.js';
import { type LowRank, writeLowRank } from './low-rank.js';
import type { Compression } from './slice-encoder.js';

export class LowRankCompression implements Compression {
  readonly #rank: number;
  readonly #columns: number;
  /** `[rowLength, rank]` */
  #q: Float32Array;

  constructor({ rowLength }: Slice, rank: number) {
    this.#rank = rank;
    this.#columns = rowLength;
    this.#q = startingQ(rowLength, rank);
  }

  compress(values: Float32Array): Uint8Array {
    const factors = powerIteration(values, this.#q, this.#rank);
    this.#q = factors.q.slice();
    this.#renewEmptyColumns();
    return writeLowRank(factors);
  }

  reset(): void {
    this.#q = startingQ(this.#columns, this.#rank);
  }

  /**
   * A gradient of zeros leaves columns of zeros in Q. The iteration could never leave such a column, so it starts
   * afresh.
   */
  #renewEmptyColumns(): void {
    const fresh = startingQ(this.#columns, this.#rank);
    for (let k = 0; k < this.#rank; k++) {
      const isEmpty = norm(this.#q, k, this.#rank) === 0;
      for (let i = k; isEmpty && i < fresh.length; i += this.#rank) this.#q[i] = fresh[i]!;
    }
  }
}

/**
 * Computes P = orthogonalised M·q and Q = Mᵀ·P, for M `[rows, columns]` and q `[columns, rank]`. P·Qᵀ equals M if M's
 * rank is at most `rank`.
 */
export function powerIteration(matrix: Float32Array, start: Float32Array, rank: number): LowRank {
  const columns = start.length / rank;
  const rows = matrix.length / columns;
  const p = new Float64Array(rows * rank);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = matrix[row * columns + column]!;
      if (value === 0) continue;
      for (let k = 0; k < rank; k++) p[row * rank + k]! += value * start[column * rank + k]!;
    }
  }
  orthogonalise(p, rank);
  const q = new Float64Array(columns * rank);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = matrix[row * columns + column]!;
      if (value === 0) continue;
      for (let k = 0; k < rank; k++) q[column * rank + k]! += value * p[row * rank + k]!;
    }
  }
  return { rank, p: Float32Array.from(p), q: Float32Array.from(q) };
}

/** A column counts as dependent if less than this fraction of its length remains. */
const negligible = 1e-6;

/** Gram-Schmidt: makes columns orthonormal, or zero if they depend on the columns before. */
function orthogonalise(matrix: Float64Array, rank: number): void {
  for (let k = 0; k < rank; k++) {
    const before = norm(matrix, k, rank);
    for (let j = 0; j < k; j++) {
      let overlap = 0;
      for (let i = 0; i < matrix.length; i += rank) overlap += matrix[i + j]! * matrix[i + k]!;
      for (let i = 0; i < matrix.length; i += rank) matrix[i + k]! -= overlap * matrix[i + j]!;
    }
    const length = norm(matrix, k, rank);
    const scale = length > negligible * before ? 1 / length : 0;
    for (let i = k; i < matrix.length; i += rank) matrix[i]! *= scale;
  }
}

/** Returns the norm of column `k`. */
function norm(matrix: Float32Array | Float64Array, k: number, rank: number): number {
  let sum = 0;
  for (let i = k; i < matrix.length; i += rank) sum += matrix[i]! ** 2;
  return Math.sqrt(sum);
}

/** Returns any matrix with independent columns; the same one on every call and machine. */
function startingQ(columns: number, rank: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: columns * rank }, () => {
    state = Math.imul(state, 1664525) + 1013904223;
    return (state >>> 8) / 2 ** 23 - 1;
  });
}
