/**
 * Vectors of which only some ranges hold values: of an embedding's gradient the rows of a batch's tokens. All else counts as
 * zero, whatever the memory holds there, so that nobody has to write, add or square zeros.
 */

/** `[from, to, from, to, …]` in elements: ascending, none empty, none touching the next. */
export type Ranges = readonly number[];

export interface SparseVector {
  readonly values: Float32Array;
  readonly ranges: Ranges;
}

/** Ranges to which elements are added at the end, mostly. */
export class RangeList {
  readonly #ranges: number[] = [];

  get ranges(): Ranges {
    return this.#ranges;
  }

  /** Where the last range ends. */
  get end(): number {
    return this.#ranges.at(-1) ?? 0;
  }

  /** Adds a range that begins at {@link end} or behind it. */
  append(from: number, to: number): void {
    if (to <= from) return;
    if (this.#ranges.length > 0 && from === this.end) this.#ranges[this.#ranges.length - 1] = to;
    else this.#ranges.push(from, to);
  }
}

/** All of a vector. */
export function wholeRange(length: number): Ranges {
  return length > 0 ? [0, length] : [];
}

/** Writes the zeros that the vector is taken to have. @returns its values */
export function withZeros({ values, ranges }: SparseVector): Float32Array {
  let end = 0;
  for (let k = 0; k < ranges.length; k += 2) {
    values.fill(0, end, ranges[k]);
    end = ranges[k + 1]!;
  }
  return values.fill(0, end);
}

/** Adds a vector to `sum`, in whose memory the result is. */
export function addSparse(sum: SparseVector, { values, ranges }: SparseVector): SparseVector {
  let k = 0;
  for (let j = 0; j < ranges.length; j += 2) {
    const to = ranges[j + 1]!;
    for (let at = ranges[j]!; at < to; ) {
      while (k < sum.ranges.length && sum.ranges[k + 1]! <= at) k += 2;
      const start = Math.min(sum.ranges[k] ?? to, to);
      // Where the sum has no values yet, they are the summand's.
      if (at < start) sum.values.set(values.subarray(at, start), at);
      const end = Math.max(start, Math.min(sum.ranges[k + 1] ?? to, to));
      addRange(sum.values, values, Math.max(at, start), end);
      at = end;
    }
  }
  return { values: sum.values, ranges: union(sum.ranges, ranges) };
}

function addRange(sum: Float32Array, values: Float32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) sum[i]! += values[i]!;
}

function union(a: Ranges, b: Ranges): Ranges {
  const ranges: number[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const isFromA = j >= b.length || (i < a.length && a[i]! <= b[j]!);
    const [from, to] = isFromA ? [a[i]!, a[i + 1]!] : [b[j]!, b[j + 1]!];
    if (isFromA) i += 2;
    else j += 2;
    const last = ranges.length - 1;
    if (last > 0 && from <= ranges[last]!) ranges[last] = Math.max(ranges[last]!, to);
    else ranges.push(from, to);
  }
  return ranges;
}

export function scaleSparse({ values, ranges }: SparseVector, scale: number): void {
  for (let k = 0; k < ranges.length; k += 2) {
    const to = ranges[k + 1]!;
    for (let i = ranges[k]!; i < to; i++) values[i]! *= scale;
  }
}

export function sumOfSquares({ values, ranges }: SparseVector): number {
  let sum = 0;
  for (let k = 0; k < ranges.length; k += 2) sum += sumOfSquaresWithin(values, ranges[k]!, ranges[k + 1]!);
  return sum;
}

/** In four sums, of which none has to wait for the other. */
function sumOfSquaresWithin(values: Float32Array, from: number, to: number): number {
  const whole = to - ((to - from) % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = from; i < whole; i += 4) {
    a += values[i]! * values[i]!;
    b += values[i + 1]! * values[i + 1]!;
    c += values[i + 2]! * values[i + 2]!;
    d += values[i + 3]! * values[i + 3]!;
  }
  for (let i = whole; i < to; i++) a += values[i]! * values[i]!;
  return a + b + c + d;
}
