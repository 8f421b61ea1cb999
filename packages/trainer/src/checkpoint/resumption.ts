/** Decides whether a training resumes, starts or stops, from the contents of its checkpoint's folder. */
import { option } from '../configuration/option-names.js';
import { UnrollError } from '../errors.js';
import type { FolderContents } from '../files/result-folder.js';

export interface Destination {
  /** The checkpoint's folder. */
  readonly out: string;
  readonly resume: boolean;
  readonly overwrite: boolean;
}

/** The user's options for a training on other data than the checkpoint's. */
export function changedDataRemedy(): string {
  return `give the same, or ${option('changedData')} to go on with these`;
}

/** Returns a notice for a checkpoint at `out` from an older version, which does not identify its data. */
export function unknownData(out: string): string {
  return `${out}: does not say what it was trained on, as an older version wrote it; ${option('data')} is taken for the same`;
}

/**
 * Decides whether a training resumes.
 * @param found the contents of `out`
 * @returns true to resume from the checkpoint; false to start afresh and write there
 * @throws UnrollError if data would be lost without the user's permission
 */
export function isResumed(found: FolderContents, { out, resume, overwrite }: Destination): boolean {
  if (found === 'foreign') {
    throw new UnrollError(
      `${out}: holds files that are no checkpoint's, and would be lost; choose another ${option('out')}`,
    );
  }
  if (found === 'absent' || overwrite) return false;
  if (resume) return true;
  throw new UnrollError(
    `${out}: already holds a checkpoint; ${option('resume')} goes on from it, ${option('overwrite')} replaces it, or choose another ${option('out')}`,
  );
}
