/** The word error rate: how many words must be inserted, deleted or replaced to make what was said of what was recognized, by
 * the number of words that were said. */

/** The least number of insertions, deletions and replacements that turn one list into the other: Levenshtein (1966). */
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

/** Errors by words, of all transcriptions together. */
export function wordErrorRate(transcriptions: readonly Transcription[]): number {
  return errorRate(transcriptions, (text) => text.split(' ').filter((word) => word !== ''));
}

/** Errors by letters, of all transcriptions together. */
export function letterErrorRate(transcriptions: readonly Transcription[]): number {
  return errorRate(transcriptions, (text) => [...text]);
}

function errorRate(transcriptions: readonly Transcription[], units: (text: string) => string[]): number {
  const sum = (of: (each: Transcription) => number) => transcriptions.reduce((total, each) => total + of(each), 0);
  const errors = sum(({ said, recognized }) => editDistance(units(said), units(recognized)));
  return errors / sum(({ said }) => units(said).length);
}
