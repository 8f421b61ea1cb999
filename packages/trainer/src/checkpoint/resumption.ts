/** What a training does about what it finds where its checkpoint is to be. */
import { UnrollError } from '../errors.js';
import type { FolderContents } from '../files/result-folder.js';

export interface Destination {
  /** A folder. */
  readonly out: string;
  readonly resume: boolean;
  readonly overwrite: boolean;
}

/** Decides what to do about data that a checkpoint was not trained on. */
export const changedDataRemedy = 'give the same, or --changed-data to go on with these';

/** A line on the checkpoint at `out`, which an older version wrote. */
export function unknownData(out: string): string {
  return `${out}: does not say what it was trained on, as an older version wrote it; --data is taken for the same`;
}

/**
 * @param found what is at `out`
 * @returns whether the training goes on from there; if not, it writes there
 * @throws UnrollError if something would be lost that nobody said may be
 */
export function isResumed(found: FolderContents, { out, resume, overwrite }: Destination): boolean {
  if (found === 'foreign') {
    throw new UnrollError(`${out}: holds files that are no checkpoint's, and would be lost; choose another --out`);
  }
  if (found === 'absent' || overwrite) return false;
  if (resume) return true;
  throw new UnrollError(
    `${out}: already holds a checkpoint; --resume goes on from it, --overwrite replaces it, or choose another --out`,
  );
}
