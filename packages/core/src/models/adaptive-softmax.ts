/**
 * Divides the vocabulary of an adaptive softmax; ids must be by falling frequency. The most frequent words form a
 * shortlist, scored at every position. Rarer words form tails. Each tail has an entry in the head beside the shortlist
 * and is scored only where it has the target, from features projected to ever fewer dimensions. Grave et al. (2017),
 * "Efficient softmax approximation for GPUs", arXiv:1609.04309, section 4.3; as PyTorch's AdaptiveLogSoftmaxWithLoss
 * with a bias in the head.
 */
import { SettingError } from '../checks/setting-error.js';

/** A tail: the words with ids from `from` up to but not including `to`. */
export interface Tail {
  /** Prefix of its parameters' and its input's names, such as `output.tail.0`. */
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Width to which its features are projected. */
  readonly width: number;
}

/** The width of the features is divided by this once more for each tail. */
const widthDivisor = 4;

const longestShortlist = 10_000;

/**
 * Default cutoffs, the ends of the shortlist and of all tails but the last: a fortieth of the words (10,000 at most),
 * which make up nearly all of a text, and a fifth.
 */
export function defaultCutoffs(vocabSize: number): number[] {
  return [Math.min(Math.ceil(vocabSize / 40), longestShortlist), Math.ceil(vocabSize / 5)];
}

/**
 * Checks cutoffs.
 * @throws RangeError unless the cutoffs ascend from at least 1 to less than the number of words
 */
export function requireCutoffs(cutoffs: readonly number[], vocabSize: number): void {
  const bounds = [0, ...cutoffs, vocabSize];
  const ascend = bounds.every((bound, k) => k === 0 || (Number.isSafeInteger(bound) && bound > bounds[k - 1]!));
  if (ascend && cutoffs.length > 0) return;
  throw new SettingError(
    (nameOf) =>
      `${nameOf('softmax.cutoffs')} must be integers that ascend from 1 to less than the ${vocabSize} words, got ${cutoffs.join(',')}`,
  );
}

/**
 * The tails between the cutoffs.
 * @param features width of the head's features
 */
export function tailsOf(cutoffs: readonly number[], vocabSize: number, features: number): Tail[] {
  return cutoffs.map((from, k) => ({
    name: `output.tail.${k}`,
    from,
    to: cutoffs[k + 1] ?? vocabSize,
    width: Math.max(1, Math.floor(features / widthDivisor ** (k + 1))),
  }));
}

/**
 * The shapes of the parameters by name: the head's `output.kernel` and `output.bias`, and each tail's `projection` and
 * `kernel`.
 */
export function adaptiveParameterShapes(
  cutoffs: readonly number[],
  vocabSize: number,
  features: number,
): Record<string, readonly number[]> {
  const head = cutoffs[0]! + cutoffs.length;
  const shapes: Record<string, readonly number[]> = { 'output.kernel': [features, head], 'output.bias': [head] };
  for (const { name, from, to, width } of tailsOf(cutoffs, vocabSize, features)) {
    shapes[`${name}.projection`] = [features, width];
    shapes[`${name}.kernel`] = [width, to - from];
  }
  return shapes;
}

/** The name of a tail's program input: the rows of a batch whose targets are in this tail. */
export const tailPositions = ({ name }: Tail) => `${name}.positions`;

/** The rows of `targets` that are in each tail, ascending, under the names of {@link tailPositions}. */
export function positionsOfTails(tails: readonly Tail[], targets: Int32Array): Record<string, Int32Array> {
  return Object.fromEntries(
    tails.map((tail) => {
      const rows: number[] = [];
      for (const [row, id] of targets.entries()) if (id >= tail.from && id < tail.to) rows.push(row);
      return [tailPositions(tail), Int32Array.from(rows)];
    }),
  );
}
