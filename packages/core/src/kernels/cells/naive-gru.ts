/** The textbook GRU in float64, one number at a time. Tests compare the fast kernel with it. Gates z, r, n. */
import { add, type Matrix, matVec, part, sigmoid, type Vector } from '../naive-linear-algebra.js';

export interface NaiveGru {
  readonly kernel: Matrix; // [input, 3·hidden]
  readonly recurrentKernel: Matrix; // [hidden, 3·hidden]
  readonly bias: Vector;
  /** Selects the reset-after variant. */
  readonly recurrentBias?: Vector;
}

/** Computes every hidden state of one sequence. */
export function naiveGru(unit: NaiveGru, xs: Vector[], h0: Vector): Vector[] {
  const { kernel, recurrentKernel, bias, recurrentBias } = unit;
  let h = h0;
  return xs.map((x) => {
    const input = add(matVec(x, kernel), bias);
    const recurrent = add(matVec(h, recurrentKernel), recurrentBias ?? bias.map(() => 0));
    const z = add(part(input, 0, 3), part(recurrent, 0, 3)).map(sigmoid);
    const r = add(part(input, 1, 3), part(recurrent, 1, 3)).map(sigmoid);
    const recurrentN = recurrentBias
      ? part(recurrent, 2, 3).map((value, k) => r[k]! * value)
      : part(
          matVec(
            h.map((value, k) => r[k]! * value),
            recurrentKernel,
          ),
          2,
          3,
        );
    const n = add(part(input, 2, 3), recurrentN).map(Math.tanh);
    h = h.map((value, k) => z[k]! * value + (1 - z[k]!) * n[k]!);
    return h;
  });
}
