/** The textbook simple RNN in float64, one number at a time. Tests compare the fast kernel with it. */
import { add, type Matrix, matVec, type Vector } from '../naive-linear-algebra.js';

export interface NaiveRnn {
  readonly kernel: Matrix; // [input, hidden]
  readonly recurrentKernel: Matrix; // [hidden, hidden]
  readonly bias: Vector;
  readonly activation: 'tanh' | 'relu';
}

/** Computes h_t = f(x_t·W + h_(t−1)·U + b) for one sequence; returns every hidden state. */
export function naiveRnn({ kernel, recurrentKernel, bias, activation }: NaiveRnn, xs: Vector[], h0: Vector): Vector[] {
  const f = activation === 'tanh' ? Math.tanh : (value: number) => Math.max(0, value);
  let h = h0;
  return xs.map((x) => {
    h = add(matVec(x, kernel), matVec(h, recurrentKernel), bias).map(f);
    return h;
  });
}
