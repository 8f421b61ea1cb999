/** Words for what the file system refused: every code becomes a reason that fits into a line for the user. */
import { getSystemErrorMap } from 'node:util';

/** An error that the operating system gave a number, such as those of `node:fs`. */
export type FileError = NodeJS.ErrnoException & { readonly errno: number; readonly code: string };

export function isFileError(error: unknown): error is FileError {
  const { errno, code } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  return typeof errno === 'number' && typeof code === 'string';
}

/** `no space left on device (ENOSPC)`. An error that is not of the system is thrown again. */
export function fileErrorReason(error: unknown): string {
  if (!isFileError(error)) throw error;
  const words = getSystemErrorMap().get(error.errno)?.[1];
  return words === undefined ? error.code : `${words} (${error.code})`;
}
