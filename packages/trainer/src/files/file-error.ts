/** Describes errors of the file system: every code becomes a reason that fits into one line for the user. */
import { getSystemErrorMap } from 'node:util';

/** An error with a number from the operating system, such as those of `node:fs`. */
export type FileError = NodeJS.ErrnoException & { readonly errno: number; readonly code: string };

export function isFileError(error: unknown): error is FileError {
  const { errno, code } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  // Errors of zlib have a number too.
  return typeof errno === 'number' && typeof code === 'string' && !code.startsWith('Z_');
}

/** Returns the reason, such as `no space left on device (ENOSPC)`. Rethrows an error that is not from the operating system. */
export function fileErrorReason(error: unknown): string {
  if (!isFileError(error)) throw error;
  const words = getSystemErrorMap().get(error.errno)?.[1];
  return words === undefined ? error.code : `${words} (${error.code})`;
}
