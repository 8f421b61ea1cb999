/** The textbook minLSTM in float64, one number at a time. Tests compare the fast kernel with it. Gates i, f, n. */
import { add, type Matrix, matVec, part, sigmoid, type Vector } from '../naive-linear-algebra.js';

export interface NaiveMinLstm {
  readonly kernel: Matrix; // [input, 3·hidden]
  readonly bias: Vector;
}

/** Computes every hidden state of one sequence; a step whose `mask` is zero leaves the state unchanged. */
export function naiveMinLstm({ kernel, bias }: NaiveMinLstm, xs: Vector[], h0: Vector, mask?: Vector): Vector[] {
  let h = h0;
  return xs.map((x, t) => {
    const gates = add(matVec(x, kernel), bias);
    const i = part(gates, 0, 3).map(sigmoid);
    const f = part(gates, 1, 3).map(sigmoid);
    const n = part(gates, 2, 3);
    if (mask?.[t] !== 0) h = h.map((value, k) => (f[k]! * value + i[k]! * n[k]!) / (f[k]! + i[k]!));
    return h;
  });
}
