/**
 * Result folders, whose files are replaced together. New files are written into a subfolder, which is renamed once it
 * is complete. Then the files are moved one by one into their places, the list of checksums last. So the folder may be
 * a mount point or a link. Whenever this is interrupted, the folder holds all old files or all new ones: readers look
 * into the complete subfolder first, and the next writer empties it.
 */
import { mkdir, mkdtemp, open, readdir, readFile, readlink, rename, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { option } from '../configuration/option-names.js';
import { UnrollError } from '../errors.js';
import { fileErrorReason, isFileError } from './file-error.js';
import { isMarker } from './markers.js';
import { isUnfinished, unfinishedIn } from './unfinished.js';

/** The contents of a file, as parts that are written one after another. */
export type FileContents = string | Uint8Array | readonly Uint8Array[];

/** Files by name. */
export type Files = Readonly<Record<string, FileContents>>;

/** Prefix of the subfolder for new files while they are being written; then its name until all files are in place. */
const complete = '.unroll-complete';

/** The files from which a reader knows whether the others belong together; moved last. */
const lastFiles = new Set(['checksums.json', 'manifest.json']);

/** Files that are only for resuming training; other users of the machine cannot open them. */
const privateFiles = new Set(['training-state.json', 'optimizer.safetensors']);

export interface ReplacementOptions {
  /** Names of our files that may exist from before; those that are not rewritten are removed. */
  readonly ours?: readonly string[];
  /** Called once all is written and nothing is replaced yet: returns whether to replace the files. Must not throw. */
  readonly isDue?: () => Promise<boolean>;
}

/**
 * Writes the files into `folder`, creating it if needed. If that fails, the previous contents remain, and the files are
 * written beside the folder or into the folder for temporary files.
 * @returns false if the files were no longer due, and were not put in place
 * @throws UnrollError that says why `folder` could not be written, and where the files are
 */
export async function replaceFolder(
  folder: string,
  files: Files,
  { ours = [], isDue = async () => true }: ReplacementOptions = {},
): Promise<boolean> {
  const path = resolve(folder);
  let temporary: string | undefined;
  try {
    await makeFolder(path);
    await finishReplacement(path);
    await removeUnfinished(path);
    // A name of its own: another process may still be writing, in the belief that it should.
    temporary = unfinishedIn(path);
    await mkdir(temporary);
    await writeFiles(temporary, files);
    if (!(await isDue())) {
      await rm(temporary, { recursive: true, force: true });
      return false;
    }
    await rename(temporary, join(path, complete));
    await finishReplacement(path);
    const obsolete = ours.filter((name) => !Object.hasOwn(files, name));
    for (const name of obsolete) await rm(join(path, name), { force: true });
    return true;
  } catch (error) {
    const reason = fileErrorReason(error);
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw new UnrollError(`${folder}: cannot be written: ${reason}; ${await writtenElsewhere(path, files)}`);
  }
}

/**
 * Checks that {@link replaceFolder} can write here, before doing the work whose result it will write. Tries every
 * operation that it uses.
 * @param flag the flag that names the folder
 * @throws UnrollError naming the folder if it cannot
 */
export async function checkWritable(folder: string, flag = option('out')): Promise<void> {
  const path = resolve(folder);
  try {
    const isNew = await makeFolder(path);
    const trial = await mkdtemp(join(path, '.unroll-trial-'));
    try {
      await writeFiles(trial, { first: 'trial', second: 'trial' });
      await rename(join(trial, 'first'), `${trial}.file`);
      await rename(trial, `${trial}.folder`);
      await rename(join(`${trial}.folder`, 'second'), `${trial}.file`);
    } finally {
      for (const suffix of ['', '.file', '.folder']) await rm(trial + suffix, { recursive: true, force: true });
    }
    if (isNew) await rmdir(path);
  } catch (error) {
    const target = await danglingTarget(path);
    throw new UnrollError(
      target === undefined
        ? `${folder}: cannot be written: ${fileErrorReason(error)}; choose another ${flag}`
        : `${folder}: is a link to ${target}, which does not exist; make that folder, or choose another ${flag}`,
    );
  }
}

/**
 * Reads a file of a folder written by {@link replaceFolder}.
 * @throws the file system's error
 */
export async function readResult(folder: string, name: string): Promise<Buffer> {
  try {
    return await readFile(join(folder, complete, name));
  } catch (error) {
    if (!isAbsence(error)) throw error;
    return readFile(join(folder, name));
  }
}

/** Nothing; a folder of our files, which may be replaced; or something else, which must not be lost. */
export type FolderContents = 'absent' | 'ours' | 'foreign';

/**
 * Examines `folder`, ignoring markers.
 * @param ours the names of our files, of which the first is always present
 * @param isBeside whether a name may be beside our files
 * @param ignored the names of further files of ours, which may be lost
 */
export async function inspectFolder(
  folder: string,
  ours: readonly string[],
  isBeside: (name: string) => boolean = () => false,
  ignored: readonly string[] = [],
): Promise<FolderContents> {
  try {
    const all = [...(await namesIn(folder)), ...(await namesIn(join(folder, complete)))];
    const names = all.filter((name) => !ignored.includes(name));
    const relevant = names.filter((name) => !isMarker(name) && !isBeside(name));
    if (relevant.length === 0) return names.some(isBeside) ? 'foreign' : 'absent';
    return relevant.includes(ours[0]!) && relevant.every((name) => ours.includes(name)) ? 'ours' : 'foreign';
  } catch (error) {
    throw new UnrollError(`${folder}: cannot be read as a folder: ${fileErrorReason(error)}; choose another folder`);
  }
}

/** Moves complete files into their places; does nothing if there are none. */
async function finishReplacement(path: string): Promise<void> {
  const source = join(path, complete);
  const names = await namesIn(source);
  const isLast = (name: string) => lastFiles.has(name);
  for (const name of names.toSorted((a, b) => Number(isLast(a)) - Number(isLast(b)))) {
    await rename(join(source, name), join(path, name));
  }
  await rmdir(source).catch((error: unknown) => {
    if (!isAbsence(error)) throw error;
  });
}

/** Removes unfinished subfolders: of a process that ended while writing, or one whose result nobody waits for any more. */
async function removeUnfinished(path: string): Promise<void> {
  const left = (await namesIn(path)).filter(isUnfinished);
  for (const name of left) await rm(join(path, name), { recursive: true, force: true });
}

/**
 * Writes the files to another place, if possible.
 * @returns what to tell the user about it
 */
async function writtenElsewhere(path: string, files: Files): Promise<string> {
  for (const place of [`${path}.saved-`, join(tmpdir(), `unroll-${basename(path).slice(0, 100)}-`)]) {
    let folder: string | undefined;
    try {
      folder = await mkdtemp(place);
      await writeFiles(folder, files);
      return `the files are in ${folder}, move them from there`;
    } catch (error) {
      if (!isFileError(error)) throw error;
      if (folder !== undefined) await rm(folder, { recursive: true, force: true }).catch(() => {});
    }
  }
  return `what was there before is untouched: make room, or choose another ${option('out')}, and run again`;
}

/**
 * Creates a folder and its parents. Node's own `recursive` never ends where nothing can be created, such as below
 * /proc.
 * @returns whether the folder is new
 */
export async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await danglingTarget(path)) === undefined) return false;
    if (code !== 'ENOENT' || dirname(path) === path || !(await makeFolder(dirname(path)))) throw error;
    await mkdir(path);
    return true;
  }
}

/** Returns the target of a dangling link; undefined if the path is not one. */
async function danglingTarget(path: string): Promise<string | undefined> {
  const target = await readlink(path).catch(() => undefined);
  if (target === undefined) return undefined;
  return open(path).then(
    async (file) => void (await file.close()),
    (error: unknown) => (isAbsence(error) ? target : undefined),
  );
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (isAbsence(error)) return [];
    throw error;
  });
}

function isAbsence(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [name, contents] of Object.entries(files)) {
    await using file = await open(join(folder, name), 'w', privateFiles.has(name) ? 0o600 : 0o666);
    for (const part of partsOf(contents)) await file.writeFile(part);
    await file.sync();
  }
}

/** Returns the bytes of a file. */
export function partsOf(contents: FileContents): readonly Uint8Array[] {
  if (typeof contents === 'string') return [Buffer.from(contents)];
  return contents instanceof Uint8Array ? [contents] : contents;
}
