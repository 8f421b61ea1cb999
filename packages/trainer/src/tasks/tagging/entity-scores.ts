/**
 * The scores of `conlleval`, the evaluation of the CoNLL shared tasks 2000 to 2003, as fractions. An entity is right if
 * its first word, its last word and its type are those of an actual entity.
 */
import { type Entity, entitiesOf } from '@unroll/core/decoding';

export interface TaggingResult {
  readonly actual: readonly string[];
  readonly predicted: readonly string[];
}

export interface EntityScores {
  /** The share of words with the right tag. */
  readonly accuracy: number;
  /** The share of predicted entities that are right. */
  readonly precision: number;
  /** The share of actual entities that are found. */
  readonly recall: number;
  /** The harmonic mean of precision and recall. */
  readonly f1: number;
}

/** Computes the scores over all sentences together; a share of nothing is 0. */
export function entityScores(sentences: readonly TaggingResult[]): EntityScores {
  let [words, rightWords, actualCount, predictedCount, right] = [0, 0, 0, 0, 0];
  for (const { actual, predicted } of sentences) {
    words += actual.length;
    rightWords += actual.filter((tag, k) => tag === predicted[k]).length;
    const [known, found] = [entitiesOf(actual).map(key), entitiesOf(predicted).map(key)];
    actualCount += known.length;
    predictedCount += found.length;
    right += found.filter((entity) => known.includes(entity)).length;
  }
  const precision = share(right, predictedCount);
  const recall = share(right, actualCount);
  return {
    accuracy: share(rightWords, words),
    precision,
    recall,
    f1: share(2 * precision * recall, precision + recall),
  };
}

function key({ type, start, end }: Entity): string {
  return `${start} ${end} ${type}`;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
