/**
 * Draws the candidates: the words that replace the whole vocabulary in one step of sampled softmax. The host draws them
 * as inputs of the step, outside its graph. So all workers use the same ones, and a resumed run draws what an
 * uninterrupted run would have drawn.
 *
 * Words are numbered by falling frequency, as tokenizers do, so Zipf's law is nearly log-uniform in the number: P(k) =
 * ln((k + 2)/(k + 1)) / ln(V + 1), as in TensorFlow's log_uniform_candidate_sampler.
 */
import { seededRandom } from '../../random/seeded-random.js';

export interface CandidateOptions {
  readonly vocabSize: number;
  /** Number of different words to draw; at most the vocabulary size. */
  readonly samples: number;
  /** An integer in [0, 2^53). */
  readonly seed: number;
  /** The training step. */
  readonly step: number;
}

export interface Candidates {
  /** In ascending order, without repetitions. */
  readonly ids: Int32Array;
  /** ln Q: the logarithm of a word's expected count among the candidates. */
  readonly logExpectedCount: (id: number) => number;
}

/**
 * Draws words until enough of them are different. After n draws, a word with probability p is among the candidates with
 * probability 1 − (1 − p)ⁿ, which is its expected count.
 * @throws RangeError if more words are asked for than the vocabulary has
 */
export function logUniformCandidates({ vocabSize, samples, seed, step }: CandidateOptions): Candidates {
  if (samples > vocabSize) {
    throw new RangeError(`${samples} different words were asked for of a vocabulary of ${vocabSize}; take fewer`);
  }
  const random = stepRandom(seed, step);
  const logRange = Math.log(vocabSize + 1);
  const chosen = new Set<number>();
  let draws = 0;
  for (; chosen.size < samples; draws++) {
    const id = Math.floor(Math.exp(random() * logRange)) - 1;
    chosen.add(Math.min(id, vocabSize - 1)); // exp may round up to V + 1
  }
  const logExpectedCount = (id: number): number => {
    const probability = Math.log1p(1 / (id + 1)) / logRange;
    return Math.log(-Math.expm1(draws * Math.log1p(-probability)));
  };
  return { ids: Int32Array.from(chosen).sort(), logExpectedCount };
}

/** A different random stream for each step of a seed. */
function stepRandom(seed: number, step: number): () => number {
  const low = (seed ^ Math.imul(step + 1, 0x9e3779b1)) >>> 0;
  return seededRandom(Math.floor(seed / 2 ** 32) * 2 ** 32 + low);
}
