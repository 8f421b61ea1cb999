/** Writes a file that must not exist yet. */
import { open, rm } from 'node:fs/promises';
import { option } from '../configuration/option-names.js';
import { UnrollError } from '../errors.js';
import { fileErrorReason, isFileError } from './file-error.js';

/**
 * Writes a new file.
 * @param parts its contents, each part written as soon as it is there
 * @throws UnrollError if the file exists or cannot be written; whatever `parts` throws. No part of the file then remains.
 */
export async function writeNewFile(
  path: string,
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const file = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'EEXIST' ? 'exists already' : `cannot be written: ${fileErrorReason(error)}`;
    throw new UnrollError(`${path}: ${why}; choose another ${option('out')}`);
  });
  try {
    for await (const part of parts) await file.writeFile(part);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    if (!isFileError(error)) throw error;
    throw new UnrollError(`${path}: cannot be written: ${fileErrorReason(error)}; choose another ${option('out')}`);
  } finally {
    await file.close();
  }
}
