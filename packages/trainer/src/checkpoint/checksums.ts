/** Result folders with a list of their files' checksums, which are verified when the files are read. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { option } from '../configuration/option-names.js';
import { UnrollError } from '../errors.js';
import { fileErrorReason } from '../files/file-error.js';
import { snapshotsBeside } from '../files/folder-names.js';
import {
  type Files,
  inspectFolder,
  partsOf,
  type ReplacementOptions,
  readResult,
  replaceFolder,
} from '../files/result-folder.js';

const checksumFile = 'checksums.json';

/**
 * Writes the files into `folder`, replacing its contents, together with their SHA-256 sums in `checksums.json`.
 * @returns false if the files were no longer due, and were not put in place
 */
export async function replaceChecksummedFolder(
  folder: string,
  files: Files,
  options: ReplacementOptions = {},
): Promise<boolean> {
  const sums = Object.fromEntries(Object.entries(files).map(([name, contents]) => [name, sha256(partsOf(contents))]));
  return replaceFolder(folder, { ...files, [checksumFile]: `${JSON.stringify(sums, null, 2)}\n` }, options);
}

/**
 * Reads the named files of a folder written by {@link replaceChecksummedFolder}, and verifies their checksums.
 * @throws UnrollError naming the file that is missing or altered
 */
export async function readChecksummedFolder(folder: string, names: readonly string[]): Promise<Record<string, Buffer>> {
  const checksums = await readChecksums(folder);
  const files: Record<string, Buffer> = {};
  for (const name of names) {
    const contents = await readOne(folder, name);
    if (sha256([contents]) !== checksums[name]) {
      throw new UnrollError(
        `${join(folder, name)}: its checksum is not the one recorded when it was written; the file was altered or cut off: restore it, or train again`,
      );
    }
    files[name] = contents;
  }
  return files;
}

const checksumsSchema = z.record(z.string(), z.string());

async function readChecksums(folder: string): Promise<Record<string, string>> {
  const contents = await readOne(folder, checksumFile);
  try {
    return checksumsSchema.parse(JSON.parse(contents.toString()));
  } catch {
    throw new UnrollError(
      `${join(folder, checksumFile)}: is not a list of checksums; it was altered or cut off: restore it`,
    );
  }
}

async function readOne(folder: string, name: string): Promise<Buffer> {
  return readResult(folder, name).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' && (await inspectFolder(folder, [name])) === 'absent') throw noneYet(folder);
    const why = error.code === 'ENOENT' ? 'does not exist' : `cannot be read: ${fileErrorReason(error)}`;
    throw new UnrollError(`${join(folder, name)}: ${why}; is ${folder} the folder that a training wrote?`);
  });
}

/** Returns the error for a folder without files: a run that has written no checkpoint yet, or a mistyped name. */
function noneYet(folder: string): UnrollError {
  const snapshots = snapshotsBeside(folder);
  return new UnrollError(
    existsSync(snapshots)
      ? `${folder}: holds no checkpoint yet, but ${snapshots} holds snapshots of a run; train on with ${option('resume')}`
      : `${folder}: holds no checkpoint; name the ${option('out')} of a training, which writes there at each evaluation and ${option('saveEvery')}`,
  );
}

function sha256(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
