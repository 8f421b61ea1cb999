// Finds the best tags of a sequence under a conditional random field: the algorithm of Viterbi (1967).

/** The scores of a conditional random field besides those of each step. */
export interface CrfScores {
  /** The score of each tag, row, before each other one, column, [tags, tags]. */
  readonly transitions: Float32Array;
  /** The score of each tag as the first one, [tags]. */
  readonly start: Float32Array;
  /** The score of each tag as the last one, [tags]. */
  readonly stop: Float32Array;
}

/**
 * Returns the tags whose scores have the greatest sum, one for each step. Of equal sums, lower tags win.
 * @param emissions the score of each tag at each step, [steps, tags]
 */
export function viterbi(emissions: Float32Array, { transitions, start, stop }: CrfScores): number[] {
  const count = start.length;
  const steps = emissions.length / count;
  if (steps === 0) return [];
  let best = Float64Array.from(start, (score, tag) => score + emissions[tag]!); // of all paths that end with a tag
  const cameFrom: Int32Array[] = [];
  for (let t = 1; t < steps; t++) {
    const sources = new Int32Array(count);
    const next = new Float64Array(count);
    for (let to = 0; to < count; to++) {
      const sums = best.map((score, from) => score + transitions[from * count + to]!);
      sources[to] = indexOfGreatest(sums);
      next[to] = sums[sources[to]!]! + emissions[t * count + to]!;
    }
    cameFrom.push(sources);
    best = next;
  }
  const path = [indexOfGreatest(best.map((score, tag) => score + stop[tag]!))];
  for (const sources of cameFrom.reverse()) path.push(sources[path.at(-1)!]!);
  return path.reverse();
}

function indexOfGreatest(values: Float64Array): number {
  return values.reduce((most, value, k) => (value > values[most]! ? k : most), 0);
}
