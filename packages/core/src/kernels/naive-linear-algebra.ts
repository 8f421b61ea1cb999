/** Vectors and matrices as plain arrays of float64, for the textbook loops that the tests compare kernels with. */
export type Vector = readonly number[];
/** Rows of equal length. */
export type Matrix = readonly Vector[];

/** x·W for a row vector x. */
export function matVec(x: Vector, w: Matrix): number[] {
  return w[0]!.map((_, column) => x.reduce((sum, value, row) => sum + value * w[row]![column]!, 0));
}

/** The elementwise sum of vectors of equal length. */
export function add(first: Vector, ...rest: Vector[]): number[] {
  return first.map((value, k) => rest.reduce((sum, vector) => sum + vector[k]!, value));
}

export function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

/** The k-th of `count` equal parts of a vector, counted from 0. */
export function part(vector: Vector, k: number, count: number): number[] {
  const size = vector.length / count;
  return vector.slice(k * size, (k + 1) * size);
}
