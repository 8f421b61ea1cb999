/** The textbook LSTM in float64, one number at a time: what the fast kernel is tested against. Gates i, f, g, o. */
import { add, type Matrix, matVec, part, sigmoid, type Vector } from '../naive-linear-algebra.js';

export interface NaiveLstm {
  readonly kernel: Matrix; // [input, 4·hidden]
  readonly recurrentKernel: Matrix; // [hidden, 4·hidden]
  readonly bias: Vector;
}

/** Every hidden state of one sequence, and the last cell state. */
export function naiveLstm(
  { kernel, recurrentKernel, bias }: NaiveLstm,
  xs: Vector[],
  h0: Vector,
  c0: Vector,
): { outputs: Vector[]; cell: Vector } {
  let h = h0;
  let c = c0;
  const outputs = xs.map((x) => {
    const gates = add(matVec(x, kernel), matVec(h, recurrentKernel), bias);
    const [i, f, g, o] = [0, 1, 2, 3].map((k) => part(gates, k, 4).map(k === 2 ? Math.tanh : sigmoid));
    c = c.map((value, k) => f![k]! * value + i![k]! * g![k]!);
    h = c.map((value, k) => o![k]! * Math.tanh(value));
    return h;
  });
  return { outputs, cell: c };
}
