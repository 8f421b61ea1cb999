/**
 * Vectors with values only in some ranges, such as an embedding's gradient with the rows of a batch's tokens. All other
 * elements count as zero, whatever the memory holds there. So nothing has to write, add or square zeros.
 */

/** `[from, to, from, to, …]` in elements: ascending, with no empty and no adjoining ranges. */
export type Ranges = readonly number[];

export interface SparseVector {
  readonly values: Float32Array;
  readonly ranges: Ranges;
}

/** Collects ranges in ascending order. */
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

/** Returns the union of the lists. */
export function unionOf(lists: readonly RangeList[]): RangeList {
  if (lists.length === 1) return lists[0]!;
  // Divide and conquer: each range is moved only a logarithmic number of times.
  const middle = lists.length >> 1;
  return unionOfTwo(unionOf(lists.slice(0, middle)), unionOf(lists.slice(middle)));
}

function unionOfTwo({ ranges: a }: RangeList, { ranges: b }: RangeList): RangeList {
  const union = new RangeList();
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const isFirst = j >= b.length || (i < a.length && a[i]! < b[j]!);
    const [from, to] = isFirst ? [a[i]!, a[i + 1]!] : [b[j]!, b[j + 1]!];
    union.append(Math.max(from, union.end), to);
    if (isFirst) i += 2;
    else j += 2;
  }
  return union;
}

/** Returns the range of a whole vector. */
export function wholeRange(length: number): Ranges {
  return length > 0 ? [0, length] : [];
}

/** Writes zeros to all elements outside of the ranges. @returns the vector's values */
export function withZeros({ values, ranges }: SparseVector): Float32Array {
  let end = 0;
  for (let k = 0; k < ranges.length; k += 2) {
    values.fill(0, end, ranges[k]);
    end = ranges[k + 1]!;
  }
  return values.fill(0, end);
}

export interface SparseSum {
  readonly sum: SparseVector;
  readonly sumOfSquares: number;
}

/** Adds a vector to `sum`, in place, and computes the sum of squares of the result in the same pass. */
export function addSparse(sum: SparseVector, { values, ranges }: SparseVector): SparseSum {
  const both = new RangeList();
  let sumOfSquares = 0;
  let [i, j, at] = [0, 0, 0];
  for (;;) {
    while (i < sum.ranges.length && sum.ranges[i + 1]! <= at) i += 2;
    while (j < ranges.length && ranges[j + 1]! <= at) j += 2;
    const [ours, theirs] = [sum.ranges[i] ?? Infinity, ranges[j] ?? Infinity];
    at = Math.max(at, Math.min(ours, theirs));
    if (at === Infinity) return { sum: { values: sum.values, ranges: both.ranges }, sumOfSquares };
    const [isOurs, isTheirs] = [ours <= at, theirs <= at];
    const end = Math.min(isOurs ? sum.ranges[i + 1]! : ours, isTheirs ? ranges[j + 1]! : theirs);
    if (isOurs && isTheirs) {
      sumOfSquares += addWithin(sum.values, values, at, end);
    } else {
      if (isTheirs) sum.values.set(values.subarray(at, end), at);
      sumOfSquares += sumOfSquaresWithin(sum.values, at, end);
    }
    both.append(at, end);
    at = end;
  }
}

/** @returns the sum of squares of the result, computed as four independent sums so that none waits for another */
function addWithin(sum: Float32Array, values: Float32Array, from: number, to: number): number {
  const whole = to - ((to - from) % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = from; i < whole; i += 4) {
    const p = Math.fround(sum[i]! + values[i]!);
    const q = Math.fround(sum[i + 1]! + values[i + 1]!);
    const r = Math.fround(sum[i + 2]! + values[i + 2]!);
    const s = Math.fround(sum[i + 3]! + values[i + 3]!);
    sum[i] = p;
    sum[i + 1] = q;
    sum[i + 2] = r;
    sum[i + 3] = s;
    a += p * p;
    b += q * q;
    c += r * r;
    d += s * s;
  }
  for (let i = whole; i < to; i++) {
    sum[i]! += values[i]!;
    a += sum[i]! * sum[i]!;
  }
  return a + b + c + d;
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

/**
 * Returns the sum of squares of the elements `[from, to)`. It is finite just if all of them are: squares of float32
 * values cannot overflow a float64 sum. Uses four independent sums, like {@link addWithin}.
 */
export function sumOfSquaresWithin(values: Float32Array, from: number, to: number): number {
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
