/**
 * The probability of a given label under CTC outputs, in plain numbers; used to choose among the words of a vocabulary.
 * Same recursion as the forward variables of `kernels/ctc/loss.ts`, Graves et al. (2006), eq. 6, in log space and float64.
 */
import { logSoftmax } from './log-softmax.js';

/**
 * ln p(label | logits); −∞ if the sequence has too few steps for the label.
 * @param logits logits of one sequence, [steps, classes], row-major; class 0 is the blank
 * @param labels classes from 1
 */
export function ctcLogProbability(
  logits: Float32Array,
  classes: number,
  steps: number,
  labels: readonly number[],
): number {
  const states = [0, ...labels.flatMap((label) => [label, 0])];
  let alpha = states.map((_, s) => (s === 0 ? 0 : Number.NEGATIVE_INFINITY));
  for (let step = 0; step < steps; step++) {
    const row = logSoftmax(logits.subarray(step * classes, (step + 1) * classes));
    const before = (s: number) => alpha[s] ?? Number.NEGATIVE_INFINITY;
    alpha = states.map((state, s) => {
      const skips = step > 0 && state !== 0 && state !== states[s - 2];
      return logSum(before(s), before(s - 1), skips ? before(s - 2) : Number.NEGATIVE_INFINITY) + row[state]!;
    });
  }
  return logSum(...alpha.slice(-2));
}

function logSum(...terms: readonly number[]): number {
  const largest = Math.max(...terms);
  if (largest === Number.NEGATIVE_INFINITY) return largest;
  return largest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - largest), 0));
}
