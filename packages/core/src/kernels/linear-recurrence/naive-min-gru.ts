/** The textbook minGRU in float64, one number at a time. Tests compare the fast kernel with it. Gates z, n. */
import { add, type Matrix, matVec, part, sigmoid, type Vector } from '../naive-linear-algebra.js';

export interface NaiveMinGru {
  readonly kernel: Matrix; // [input, 2·hidden]
  readonly bias: Vector;
}

/** Computes every hidden state of one sequence; a step whose `mask` is zero leaves the state unchanged. */
export function naiveMinGru({ kernel, bias }: NaiveMinGru, xs: Vector[], h0: Vector, mask?: Vector): Vector[] {
  let h = h0;
  return xs.map((x, t) => {
    const gates = add(matVec(x, kernel), bias);
    const z = part(gates, 0, 2).map(sigmoid);
    const n = part(gates, 1, 2);
    if (mask?.[t] !== 0) h = h.map((value, k) => (1 - z[k]!) * value + z[k]! * n[k]!);
    return h;
  });
}
