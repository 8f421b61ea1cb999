/**
 * Folders that are replaced as a whole: written under a temporary name, then renamed. Whatever happens in between, the
 * folder's name stands for the old contents or for the new, never for half of either.
 */
import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, open, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UnrollError } from '../errors.js';

/** A file's contents, as parts that are written one after another. */
export type FileContents = string | Uint8Array | readonly Uint8Array[];

const checksumFile = 'checksums.json';

/** Writes the files and, as `checksums.json`, their SHA-256 sums into `folder`, replacing what it held. */
export async function replaceChecksummedFolder(
  folder: string,
  files: Readonly<Record<string, FileContents>>,
): Promise<void> {
  const sums = Object.fromEntries(Object.entries(files).map(([name, contents]) => [name, sha256(parts(contents))]));
  await replaceFolder(folder, { ...files, [checksumFile]: `${JSON.stringify(sums, null, 2)}\n` });
}

/** Writes the files into `folder`, replacing what it held. */
export async function replaceFolder(folder: string, files: Readonly<Record<string, FileContents>>): Promise<void> {
  const path = resolve(folder);
  const temporary = `${path}.new`;
  try {
    await rm(temporary, { recursive: true, force: true });
    await makeFolder(temporary);
    for (const [name, contents] of Object.entries(files)) await writeFile(join(temporary, name), contents);
    await swapIn(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw writeError(error, folder);
  }
}

/**
 * Finds out whether {@link replaceFolder} can write here, before the work whose result it will write.
 * @throws UnrollError naming the folder if not
 */
export async function checkWritable(folder: string): Promise<void> {
  const path = resolve(folder);
  try {
    await makeFolder(dirname(path));
    await rmdir(await mkdtemp(`${path}.check-`));
  } catch (error) {
    throw writeError(error, folder);
  }
}

/**
 * Reads the named files of a folder that {@link replaceChecksummedFolder} wrote and verifies their checksums.
 * @throws UnrollError naming the file that is missing or altered
 */
export async function readChecksummedFolder(folder: string, names: readonly string[]): Promise<Record<string, Buffer>> {
  await recover(folder);
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

/** Nothing; a folder of our files, which may be replaced; or something else, of which nothing may be lost. */
export type FolderContents = 'absent' | 'ours' | 'foreign';

/** What stands at `folder`. @param ours the names of our files, of which the first is never absent */
export async function inspectFolder(folder: string, ours: readonly string[]): Promise<FolderContents> {
  await recover(folder);
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new UnrollError(`${folder}: cannot be read as a folder (${error.code})`);
  });
  if (names === undefined || names.length === 0) return 'absent';
  return names.includes(ours[0]!) && names.every((name) => ours.includes(name)) ? 'ours' : 'foreign';
}

async function readChecksums(folder: string): Promise<Record<string, string>> {
  const contents = await readOne(folder, checksumFile);
  try {
    return JSON.parse(contents.toString()) as Record<string, string>;
  } catch {
    throw new UnrollError(`${join(folder, checksumFile)}: is not JSON; it was altered or cut off: restore it`);
  }
}

async function readOne(folder: string, name: string): Promise<Buffer> {
  return readFile(join(folder, name)).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'does not exist' : `cannot be read (${error.code})`;
    throw new UnrollError(`${join(folder, name)}: ${why}; is ${folder} the folder that 'unroll train --out' wrote?`);
  });
}

/** Makes a folder and those above it. Node's own `recursive` never ends where nothing can be made, as below /proc. */
async function makeFolder(path: string): Promise<void> {
  if (!(await exists(dirname(path)))) await makeFolder(dirname(path));
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

async function writeFile(path: string, contents: FileContents): Promise<void> {
  await using file = await open(path, 'w');
  for (const part of parts(contents)) await file.writeFile(part);
  await file.sync();
}

function parts(contents: FileContents): readonly Uint8Array[] {
  if (typeof contents === 'string') return [Buffer.from(contents)];
  return contents instanceof Uint8Array ? [contents] : contents;
}

function sha256(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

const previousOf = (path: string) => `${path}.previous`;

async function swapIn(temporary: string, path: string): Promise<void> {
  await rm(previousOf(path), { recursive: true, force: true });
  if (await exists(path)) await rename(path, previousOf(path));
  await rename(temporary, path);
  await rm(previousOf(path), { recursive: true, force: true });
}

/** Undoes a replacement that was cut off between its two renames. */
async function recover(folder: string): Promise<void> {
  const path = resolve(folder);
  if (!(await exists(path)) && (await exists(previousOf(path)))) await rename(previousOf(path), path);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

const unwritable = new Set(['EACCES', 'EROFS', 'ENOTDIR', 'ENOENT', 'EEXIST', 'EPERM', 'ELOOP', 'ENAMETOOLONG']);

function writeError(error: unknown, folder: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new UnrollError(`${folder}: the disk is full; what was there before is untouched: free space and run again`);
  }
  if (code !== undefined && unwritable.has(code)) {
    return new UnrollError(`${folder}: cannot be written (${code}); choose another --out`);
  }
  return error;
}
