/** The textbook LSTM in float64, one number at a time. Tests compare the fast kernels with it. Gates i, f, g, o. */
import { add, type Matrix, matVec, part, sigmoid, type Vector } from '../naive-linear-algebra.js';

export interface NaiveLstm {
  readonly kernel: Matrix; // [input, 4·hidden]; [input, 3·hidden], gates i, g, o, if coupled
  readonly recurrentKernel: Matrix; // [output, 4·hidden], or as above
  readonly bias: Vector;
  /** Whether f = 1 − i. */
  readonly coupledGates?: boolean;
  readonly peepholes?: Matrix; // [3, hidden], rows i, f, o; [2, hidden] if coupled
  readonly projection?: Matrix; // [hidden, output]
  /** Limits of the cell state and of the projected output. */
  readonly cellClip?: number | undefined;
  readonly projectionClip?: number | undefined;
}

/** Computes every hidden state of one sequence, and the last cell state. */
export function naiveLstm(unit: NaiveLstm, xs: Vector[], h0: Vector, c0: Vector): { outputs: Vector[]; cell: Vector } {
  const { kernel, recurrentKernel, bias, coupledGates = false, peepholes, projection } = unit;
  const { cellClip = Number.POSITIVE_INFINITY, projectionClip = Number.POSITIVE_INFINITY } = unit;
  const count = coupledGates ? 3 : 4;
  const noPeephole = c0.map(() => 0);
  const [peepI = noPeephole, peepF = noPeephole] = peepholes ?? [];
  const peepO = peepholes?.at(-1) ?? noPeephole;
  const times = (weights: Vector, values: Vector) => weights.map((weight, k) => weight * values[k]!);
  const clip = (value: number, limit: number) => Math.min(limit, Math.max(-limit, value));
  let h = h0;
  let c = c0;
  const outputs = xs.map((x) => {
    const gates = add(matVec(x, kernel), matVec(h, recurrentKernel), bias);
    const i = add(part(gates, 0, count), times(peepI, c)).map(sigmoid);
    const f = coupledGates ? i.map((value) => 1 - value) : add(part(gates, 1, count), times(peepF, c)).map(sigmoid);
    const g = part(gates, count - 2, count).map(Math.tanh);
    c = c.map((value, k) => clip(f[k]! * value + i[k]! * g[k]!, cellClip));
    const o = add(part(gates, count - 1, count), times(peepO, c)).map(sigmoid);
    const output = c.map((value, k) => o[k]! * Math.tanh(value));
    h = projection ? matVec(output, projection).map((value) => clip(value, projectionClip)) : output;
    return h;
  });
  return { outputs, cell: c };
}
