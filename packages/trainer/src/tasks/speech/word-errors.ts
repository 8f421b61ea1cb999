/**
 * The word error rate: the number of insertions, deletions and replacements of words that turn the recognized text into
 * the spoken one, divided by the number of spoken words.
 */

/** Returns the least number of insertions, deletions and replacements that turn one list into the other: Levenshtein (1966). */
export function editDistance(from: readonly string[], to: readonly string[]): number {
  let previous = Array.from({ length: to.length + 1 }, (_, k) => k);
  for (const [row, item] of from.entries()) {
    const current = [row + 1];
    for (const [column, other] of to.entries()) {
      const replaced = previous[column]! + Number(item !== other);
      current.push(Math.min(replaced, previous[column + 1]! + 1, current[column]! + 1));
    }
    previous = current;
  }
  return previous.at(-1)!;
}

export interface Transcription {
  readonly said: string;
  readonly recognized: string;
}

/** Returns the rate of errors in words, over all transcriptions together. */
export function wordErrorRate(transcriptions: readonly Transcription[]): number {
  return errorRate(transcriptions, (text) => text.split(' ').filter((word) => word !== ''));
}

/** Returns the rate of errors in letters, over all transcriptions together. */
export function letterErrorRate(transcriptions: readonly Transcription[]): number {
  return errorRate(transcriptions, (text) => [...text]);
}

function errorRate(transcriptions: readonly Transcription[], units: (text: string) => string[]): number {
  const sum = (of: (each: Transcription) => number) => transcriptions.reduce((total, each) => total + of(each), 0);
  const errors = sum(({ said, recognized }) => editDistance(units(said), units(recognized)));
  return errors / sum(({ said }) => units(said).length);
}
