/** The textbook generalized delta rule in float64, one number at a time. Tests compare the fast kernel with it. */
import type { Matrix, Vector } from '../naive-linear-algebra.js';

/** One time step of one head. */
export interface NaiveDeltaStep {
  readonly query: Vector;
  readonly key: Vector;
  readonly value: Vector;
  readonly logDecay: Vector;
  readonly a: Vector;
  readonly b: Vector;
}

/**
 * Computes S_t = S_(t−1)·(diag(w_t) + a_tᵀb_t) + v_tᵀk_t with w_t = exp(logDecay_t), and o_t = S_t·q_t.
 * @param initial S_0, a row for each element of a value and a column for each element of a key
 */
export function naiveDeltaRule(
  steps: readonly NaiveDeltaStep[],
  initial: Matrix,
): { outputs: number[][]; state: Matrix } {
  let state = initial;
  const outputs = steps.map(({ query, key, value, logDecay, a, b }) => {
    state = state.map((row, i) => {
      const removed = dot(row, a);
      return row.map((element, j) => element * Math.exp(logDecay[j]!) + removed * b[j]! + value[i]! * key[j]!);
    });
    return state.map((row) => dot(row, query));
  });
  return { outputs, state };
}

function dot(x: Vector, y: Vector): number {
  return x.reduce((sum, value, k) => sum + value * y[k]!, 0);
}
