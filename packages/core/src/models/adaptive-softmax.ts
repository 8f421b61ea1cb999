/**
 * How an adaptive softmax divides a vocabulary whose ids are by falling frequency: a shortlist of the most frequent words,
 * scored at every position, and tails of rarer ones, each with an entry in the head beside the shortlist and scored only
 * where it has the target, from features projected to ever fewer dimensions. Grave et al. (2017), "Efficient softmax
 * approximation for GPUs", arXiv:1609.04309, section 4.3; as PyTorch's AdaptiveLogSoftmaxWithLoss with a bias in the head.
 */

/** The words from `from` up to but not including `to`. */
export interface Tail {
  /** Of its parameters and its input, as `output.tail.0`. */
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** To which its features are projected. */
  readonly width: number;
}

/** By which the width of the features is divided once more with each tail. */
const widthDivisor = 4;

const longestShortlist = 10_000;

/**
 * The ends of the shortlist and of all tails but the last, where nobody chose them: a fortieth of the words, which are nearly
 * all of a text, and a fifth.
 */
export function defaultCutoffs(vocabSize: number): number[] {
  return [Math.min(Math.ceil(vocabSize / 40), longestShortlist), Math.ceil(vocabSize / 5)];
}

/** @throws RangeError unless the cutoffs ascend from at least 1 to less than the number of words */
export function requireCutoffs(cutoffs: readonly number[], vocabSize: number): void {
  const bounds = [0, ...cutoffs, vocabSize];
  const ascend = bounds.every((bound, k) => k === 0 || (Number.isSafeInteger(bound) && bound > bounds[k - 1]!));
  if (ascend && cutoffs.length > 0) return;
  throw new RangeError(
    `softmax.cutoffs must be integers that ascend from 1 to less than the ${vocabSize} words, got ${cutoffs.join(',')}`,
  );
}

/** @param features the width of the features of the head */
export function tailsOf(cutoffs: readonly number[], vocabSize: number, features: number): Tail[] {
  return cutoffs.map((from, k) => ({
    name: `output.tail.${k}`,
    from,
    to: cutoffs[k + 1] ?? vocabSize,
    width: Math.max(1, Math.floor(features / widthDivisor ** (k + 1))),
  }));
}

/** The shapes of the parameters: the head, `output.kernel` and `output.bias`, and of each tail `projection` and `kernel`. */
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

/** The name of a program's input: the rows of a batch whose targets are in this tail. */
export const tailPositions = ({ name }: Tail) => `${name}.positions`;

/** The rows of `targets` that are in each tail, ascending, by the names of {@link tailPositions}. */
export function positionsOfTails(tails: readonly Tail[], targets: Int32Array): Record<string, Int32Array> {
  return Object.fromEntries(
    tails.map((tail) => {
      const rows: number[] = [];
      for (const [row, id] of targets.entries()) if (id >= tail.from && id < tail.to) rows.push(row);
      return [tailPositions(tail), Int32Array.from(rows)];
    }),
  );
}
