// Chooses one token from a model's scores: greedy, temperature, top-k and top-p, applied in the order of Hugging Face's
// generation. `generation.ts` handles the loop around it.

import type { Random } from '../random/seeded-random.js';
import { likeliest, logSoftmax } from './log-softmax.js';

/** How to draw a token. Without options, from the model's own distribution. */
export interface SamplingOptions {
  /**
   * The scores are divided by this number: below 1 sharper, above 1 flatter, 0 always the most probable token. Default
   * 1.
   */
  readonly temperature?: number | undefined;
  /** Only the k most probable tokens can be drawn (Fan et al. 2018). Default: all. */
  readonly topK?: number | undefined;
  /**
   * Only the smallest set of most probable tokens whose probabilities sum to at least p can be drawn: nucleus sampling
   * (Holtzman et al. 2019, "The Curious Case of Neural Text Degeneration", equation 2). Default 1: all.
   */
  readonly topP?: number | undefined;
}

/** The tokens that can be drawn, and their probabilities, which sum to 1. */
export interface TokenDistribution {
  /** Most probable first, then smaller ids first; in the order of ids if nothing was cut off. */
  readonly ids: readonly number[];
  readonly probabilities: readonly number[];
}

/**
 * Draws a token id. Takes one number from `random`, or none if only one token can be drawn.
 *
 * @param logits scores, `[vocabulary]`
 * @throws RangeError for an option out of range, or scores that do not form a distribution
 */
export function sampleToken(
  logits: ArrayLike<number>,
  { random, ...options }: SamplingOptions & { readonly random: Random },
): number {
  const { ids, probabilities } = tokenDistribution(logits, options);
  if (ids.length === 1) return ids[0]!;
  let remaining = random();
  for (const [place, probability] of probabilities.entries()) {
    remaining -= probability;
    if (remaining < 0) return ids[place]!;
  }
  // The probabilities may sum to slightly less than 1 through rounding; the rest goes to the last token with a
  // probability above 0.
  return ids[probabilities.findLastIndex((probability) => probability > 0)]!;
}

/**
 * The distribution that `sampleToken` draws from. At temperature 0 it has one token.
 *
 * @param logits scores, `[vocabulary]`
 * @throws RangeError for an option out of range, or scores that do not form a distribution
 */
export function tokenDistribution(logits: ArrayLike<number>, options: SamplingOptions): TokenDistribution {
  checkSamplingOptions(options);
  const { temperature = 1, topK = logits.length, topP = 1 } = options;
  if (temperature === 0) return { ids: [likeliest(logits)], probabilities: [1] };

  const logProbabilities = logSoftmax(Float64Array.from(logits, (score) => score / temperature));
  const cutsK = topK < logits.length;
  const candidates = cutsK ? mostProbable(logProbabilities, topK) : nucleusCandidates(logProbabilities, topP);
  const probabilities = candidates.map((id) => Math.exp(logProbabilities[id]!));
  const mass = cutsK ? sum(probabilities) : 1;
  const kept = topP === 1 ? probabilities.length : nucleusSize(probabilities, topP * mass);
  const keptMass = sum(probabilities.slice(0, kept));
  return {
    ids: candidates.slice(0, kept),
    probabilities: probabilities.slice(0, kept).map((probability) => probability / keptMass),
  };
}

/**
 * Checks sampling options.
 * @throws RangeError for an option out of range
 */
export function checkSamplingOptions({ temperature = 1, topK = 1, topP = 1 }: SamplingOptions): void {
  if (!(temperature >= 0 && temperature < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`temperature ${temperature}: must be a number of at least 0`);
  }
  checkPositiveInteger('topK', topK);
  if (!(topP > 0 && topP <= 1)) throw new RangeError(`topP ${topP}: must be above 0 and at most 1`);
}

/**
 * Checks that `value` is an integer of at least 1.
 * @throws RangeError naming the option
 */
export function checkPositiveInteger(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new RangeError(`${name} ${value}: must be an integer of at least 1`);
}

/** The ids of the `count` largest values, largest first, then smaller ids first. Fast for a small `count`. */
export function mostProbable(logProbabilities: Float64Array, count: number): number[] {
  const best: number[] = [];
  for (let id = 0; id < logProbabilities.length; id++) {
    const value = logProbabilities[id]!;
    if (best.length === count && value <= logProbabilities[best[count - 1]!]!) continue;
    let place = best.length;
    while (place > 0 && logProbabilities[best[place - 1]!]! < value) place--;
    best.splice(place, 0, id);
    if (best.length > count) best.pop();
  }
  return best;
}

/** A superset of the nucleus of mass `topP`, most probable first; all ids in ascending order if `topP` is 1. */
function nucleusCandidates(logProbabilities: Float64Array, topP: number): number[] {
  const ids = Array.from(logProbabilities.keys());
  if (topP === 1) return ids;
  // Tokens below this bound sum to less than 1 - topP, so none of them is needed to fill the nucleus. Leaving them out
  // saves sorting a whole vocabulary for every token.
  const bound = Math.log((1 - topP) / ids.length);
  return ids
    .filter((id) => logProbabilities[id]! >= bound)
    .sort((a, b) => logProbabilities[b]! - logProbabilities[a]! || a - b);
}

/** Number of leading probabilities needed to reach `mass`; all of them if rounding keeps their sum below it. */
function nucleusSize(probabilities: readonly number[], mass: number): number {
  let reached = 0;
  const last = probabilities.findIndex((probability) => {
    reached += probability;
    return reached >= mass;
  });
  return last === -1 ? probabilities.length : last + 1;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
