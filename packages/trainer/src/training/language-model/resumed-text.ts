/** Checks that a resumed training continues on the text that it was trained on. */
import type { TrainingState } from '../../checkpoint/checkpoint.js';
import { changedDataRemedy, unknownData } from '../../checkpoint/resumption.js';
import { option } from '../../configuration/option-names.js';
import { differenceOf } from '../../data/text-fingerprint.js';
import { UnrollError } from '../../errors.js';

/** The fingerprints of the training and the validation text. */
export type TextsFingerprint = NonNullable<TrainingState['texts']>;

export interface ResumedTexts {
  /** The checkpoint's fingerprints; older checkpoints have none. */
  readonly saved: TextsFingerprint | undefined;
  readonly given: TextsFingerprint;
  /** The checkpoint's folder. */
  readonly out: string;
  /** Whether the user allows other texts. */
  readonly changedData: boolean;
}

/**
 * Compares the given texts with the checkpoint's.
 * @returns lines for the user
 * @throws UnrollError that names the differences, unless the user allows them
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
  const line = `${option('data')}: is ${differences.join(' and ')} than that of ${out}`;
  if (changedData) return [line];
  throw new UnrollError(`${line}; ${changedDataRemedy()}`);
}
