/**
 * Textbook connectionist temporal classification for one sequence, in float64 and in probabilities: Graves et al.
 * (2006), section 4.1, eq. 6–15. Tests compare `loss.ts` with it. It is too slow and underflows too easily for other
 * use.
 */

export interface NaiveCtc {
  /** −ln p(labels | logits). */
  readonly loss: number;
  /** Gradient of the loss with respect to the logits, [time][class]. */
  readonly gradient: number[][];
}

/**
 * Computes loss and gradient of one sequence.
 * @param logits [time][class]; class 0 is the blank
 * @param labels classes from 1
 */
export function naiveCtc(logits: readonly (readonly number[])[], labels: readonly number[]): NaiveCtc {
  const y = logits.map(softmax);
  const states = labels.flatMap((label) => [0, label]).concat(0); // l′: blanks around every label
  const alpha = forwardVariables(y, states);
  const beta = forwardVariables(y.toReversed(), states.toReversed())
    .reverse()
    .map((row) => row.toReversed());
  const total = alpha.at(-1)!.at(-1)! + (states.length > 1 ? alpha.at(-1)!.at(-2)! : 0);
  const gradient = y.map((row, t) =>
    row.map((probability, k) => {
      const through = states.reduce((sum, state, s) => sum + (state === k ? alpha[t]![s]! * beta[t]![s]! : 0), 0);
      return probability - through / (probability * total);
    }),
  );
  return { loss: -Math.log(total), gradient };
}

/** α[t][s]: the probability of all paths that are in state s at time t and match the label so far. */
function forwardVariables(y: readonly (readonly number[])[], states: readonly number[]): number[][] {
  const alpha: number[][] = [];
  for (const [t, row] of y.entries()) {
    const before = (s: number) => alpha[t - 1]![s] ?? 0;
    alpha.push(
      states.map((state, s) => {
        if (t === 0) return s < 2 ? row[state]! : 0;
        const skips = state !== 0 && state !== states[s - 2];
        return (before(s) + before(s - 1) + (skips ? before(s - 2) : 0)) * row[state]!;
      }),
    );
  }
  return alpha;
}

function softmax(logits: readonly number[]): number[] {
  const exponentials = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}
