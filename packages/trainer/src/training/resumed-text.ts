/** Whether a training that is resumed goes on with the text that it was trained on. */
import type { TrainingState } from '../checkpoint/checkpoint.js';
import { changedDataRemedy, unknownData } from '../checkpoint/resumption.js';
import { differenceOf } from '../data/text-fingerprint.js';
import { UnrollError } from '../errors.js';

/** The fingerprints of the training and the validation text. */
export type TextsFingerprint = NonNullable<TrainingState['texts']>;

export interface ResumedTexts {
  /** The checkpoint's fingerprint; older ones have none. */
  readonly saved: TextsFingerprint | undefined;
  readonly given: TextsFingerprint;
  /** The checkpoint's folder. */
  readonly out: string;
  /** The user says that the texts may be others. */
  readonly changedData: boolean;
}

/**
 * @returns lines for the user
 * @throws UnrollError that says what differs, unless it may
 */
export function checkResumedTexts({ saved, given, out, changedData }: ResumedTexts): string[] {
  if (!saved) {
    return [unknownData(out)];
  }
  const differences = (['train', 'valid'] as const).flatMap((part) => {
    const difference = differenceOf(saved[part], given[part]);
    return difference === undefined
      ? []
      : [`another ${part === 'train' ? 'training' : 'validation'} text (${difference})`];
  });
  if (differences.length === 0) return [];
  const line = `--data: is ${differences.join(' and ')} than that of ${out}`;
  if (changedData) return [line];
  throw new UnrollError(`${line}; ${changedDataRemedy}`);
}
