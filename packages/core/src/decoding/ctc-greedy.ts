/**
 * Best-path decoding of CTC outputs: takes the most probable class of each step, merges repetitions, drops blanks.
 * Graves et al. (2006), section 3.2. Works on plain numbers and needs no runtime.
 */

/**
 * Decodes one sequence.
 * @param logits logits or log-probabilities, [steps, classes], row-major; class 0 is the blank
 * @param steps number of steps to read
 * @returns the labels, each from 1
 */
export function ctcGreedyLabels(logits: ArrayLike<number>, classes: number, steps: number): number[] {
  const labels: number[] = [];
  let previous = 0;
  for (let step = 0; step < steps; step++) {
    const best = mostProbable(logits, step * classes, classes);
    if (best !== 0 && best !== previous) labels.push(best);
    previous = best;
  }
  return labels;
}

function mostProbable(logits: ArrayLike<number>, start: number, classes: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) if (logits[start + k]! > logits[start + best]!) best = k;
  return best;
}
