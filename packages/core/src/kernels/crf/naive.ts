/**
 * The negative log-likelihood of a linear-chain conditional random field by its definition: the score of one path
 * against those of all paths, in float64. Tests compare `loss.ts` with it. The number of paths grows exponentially, so
 * it is for a few steps and tags.
 */

/** The scores of one sequence. */
export interface NaiveCrf {
  /** [time][tag] */
  readonly emissions: readonly (readonly number[])[];
  /** [from][to] */
  readonly transitions: readonly (readonly number[])[];
  readonly start: readonly number[];
  readonly stop: readonly number[];
}

/** Returns every path of tags. */
export function allPaths(time: number, tags: number): number[][] {
  if (time === 0) return [[]];
  return allPaths(time - 1, tags).flatMap((path) => Array.from({ length: tags }, (_, tag) => [...path, tag]));
}

/** Returns the sum of a path's scores. */
export function pathScore({ emissions, transitions, start, stop }: NaiveCrf, path: readonly number[]): number {
  const within = path.map((tag, t) => emissions[t]![tag]! + (t === 0 ? start[tag]! : transitions[path[t - 1]!]![tag]!));
  return within.reduce((sum, score) => sum + score, stop[path.at(-1)!]!);
}

/** Computes −ln p(path): eq. 2 of Huang et al. (2015), normalised over all paths. */
export function naiveCrfLoss(crf: NaiveCrf, path: readonly number[]): number {
  const scores = allPaths(path.length, crf.start.length).map((each) => pathScore(crf, each));
  const largest = Math.max(...scores);
  const sum = scores.reduce((total, score) => total + Math.exp(score - largest), 0);
  return largest + Math.log(sum) - pathScore(crf, path);
}
