import { lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mountSmallDisk } from '../testing/small-disk.js';
import { temporaryFolder } from '../testing/unroll-process.js';
import { checkWritable, inspectFolder, readResult, replaceFolder } from './result-folder.js';

let root: ReturnType<typeof temporaryFolder>;
let out: string;
beforeEach(() => {
  root = temporaryFolder();
  out = join(root.path, 'out');
});
afterEach(() => root[Symbol.dispose]());

const first = { 'model.bin': 'first model', 'old.bin': 'old', 'manifest.json': 'first' };
const second = { 'model.bin': Buffer.from('second model'), 'manifest.json': 'second' };
const notPermitted = 'mounting a small disk is not permitted here';

function contentsOf(folder: string): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

/** Returns the folder that a message names as the place of the files. */
async function savedIn(writing: Promise<unknown>): Promise<{ message: string; folder: string }> {
  const message = await writing.then(
    () => 'nothing was thrown',
    (error: Error) => error.message,
  );
  return { message, folder: /the files are in (\S+), move them from there/.exec(message)?.[1] ?? message };
}

describe('files are written together', () => {
  test('into a folder that is made with those above it', async () => {
    await replaceFolder(join(out, 'a', 'b'), first);
    expect(contentsOf(join(out, 'a', 'b'))).toEqual(first);
  });

  test('in place of older ones; older files that are not rewritten are removed', async () => {
    await replaceFolder(out, first);
    await replaceFolder(out, second, { ours: ['old.bin', 'model.bin', 'manifest.json'] });
    expect(contentsOf(out)).toEqual({ 'model.bin': 'second model', 'manifest.json': 'second' });
  });

  test('through a link, which stays', async () => {
    const target = join(root.path, 'target');
    await replaceFolder(target, first);
    symlinkSync(target, out);
    await checkWritable(out);
    await replaceFolder(out, second);
    expect(lstatSync(out).isSymbolicLink()).toBe(true);
    expect(contentsOf(target)).toMatchObject({ 'model.bin': 'second model' });
  });

  test('into a mount point, which holds what its file system put there', async ({ skip }) => {
    using disk = mountSmallDisk(out, 100_000);
    if (!disk) skip(notPermitted);
    mkdirSync(join(out, 'lost+found'));
    expect(await inspectFolder(out, Object.keys(first))).toBe('absent');
    await checkWritable(out);
    await replaceFolder(out, first);
    await replaceFolder(out, second);
    expect(await inspectFolder(out, Object.keys(first))).toBe('ours');
    expect(readdirSync(out).toSorted()).toEqual(['lost+found', 'manifest.json', 'model.bin', 'old.bin']);
    expect(readFileSync(join(out, 'model.bin'), 'utf8')).toBe('second model');
  });
});

describe('a replacement that was cut off', () => {
  test('before its files were complete leaves the old ones', async () => {
    await replaceFolder(out, first);
    mkdirSync(join(out, '.unroll-unfinished'));
    writeFileSync(join(out, '.unroll-unfinished', 'model.bin'), 'half');
    expect((await readResult(out, 'model.bin')).toString()).toBe('first model');
    await replaceFolder(out, second);
    expect(readdirSync(out).toSorted()).toEqual(['manifest.json', 'model.bin', 'old.bin']);
  });

  test('that is no longer due leaves the old ones', async () => {
    await replaceFolder(out, first);
    expect(await replaceFolder(out, second, { isDue: async () => false })).toBe(false);
    expect(contentsOf(out)).toEqual(first);
  });

  test('by another writer that goes on does not get into the new files', async () => {
    const isDue = async () => {
      // While this one waits, another process replaces the folder from the beginning to the end.
      await replaceFolder(out, second);
      return true;
    };
    await expect(replaceFolder(out, first, { isDue })).rejects.toThrow('cannot be written');
    expect((await readResult(out, 'model.bin')).toString()).toBe('second model');
  });

  test('while its files were renamed is read as the new ones, and finished by the next', async () => {
    await replaceFolder(out, first);
    mkdirSync(join(out, '.unroll-complete'));
    writeFileSync(join(out, '.unroll-complete', 'model.bin'), 'second model');
    expect((await readResult(out, 'model.bin')).toString()).toBe('second model');
    expect((await readResult(out, 'manifest.json')).toString()).toBe('first');
    expect(await inspectFolder(out, Object.keys(first))).toBe('ours');
    await replaceFolder(out, { 'manifest.json': 'third' });
    expect(contentsOf(out)).toEqual({ ...first, 'model.bin': 'second model', 'manifest.json': 'third' });
  });
});

describe('before any work it is refused, in a line, to write', () => {
  test.each([
    ['below a file', () => join(root.path, 'file', 'below'), 'not a directory \\(ENOTDIR\\)'],
    ['to a file', () => join(root.path, 'file'), 'not a directory \\(ENOTDIR\\)'],
    ['to a name that is too long', () => join(root.path, 'x'.repeat(300)), 'name too long \\(ENAMETOOLONG\\)'],
    ['to links that lead to each other', () => join(root.path, 'loop'), '\\((ELOOP|ENOENT)\\)'],
    ['where nothing can be made', () => '/proc/nowhere', 'no such file or directory \\(ENOENT\\)'],
  ])('%s', async (_, place, reason) => {
    writeFileSync(join(root.path, 'file'), '');
    symlinkSync(join(root.path, 'loop'), join(root.path, 'loop'));
    await expect(checkWritable(place())).rejects.toThrow(
      new RegExp(`^${place()}: cannot be written: .*${reason}; choose another --out$`),
    );
  });

  test('to a link that leads nowhere', async () => {
    const target = join(root.path, 'nowhere');
    symlinkSync(target, out);
    await expect(checkWritable(out)).rejects.toThrow(
      `${out}: is a link to ${target}, which does not exist; make that folder, or choose another --out`,
    );
    expect(readdirSync(root.path)).toEqual(['out']);
  });

  test('to a disk that is read only, or full', async ({ skip }) => {
    using disk = mountSmallDisk(out, 8192);
    if (!disk) return skip(notPermitted);
    writeFileSync(join(out, 'large'), Buffer.alloc(8192));
    await expect(checkWritable(out)).rejects.toThrow('cannot be written: no space left on device (ENOSPC)');
    expect(readdirSync(out)).toEqual(['large']);
    disk.makeReadOnly();
    await expect(checkWritable(out)).rejects.toThrow('cannot be written: read-only file system (EROFS)');
  });

  test('and where it may be written, nothing of the trial stays', async () => {
    await checkWritable(join(out, 'below'));
    expect(readdirSync(out)).toEqual([]);
  });
});

describe('what cannot be written in the end is kept', () => {
  test('beside the folder, if the disk there has room', async ({ skip }) => {
    using disk = mountSmallDisk(out, 16_384);
    if (!disk) skip(notPermitted);
    await replaceFolder(out, first);
    const large = { 'model.bin': Buffer.alloc(50_000) };
    const { message, folder } = await savedIn(replaceFolder(out, large));
    expect(message).toMatch(/^\S+\/out: cannot be written: no space left on device \(ENOSPC\); the files are in/);
    expect(folder.startsWith(`${out}.saved-`)).toBe(true);
    expect(readFileSync(join(folder, 'model.bin'))).toHaveLength(50_000);
    expect(contentsOf(out)).toEqual(first);
  });

  test('in the folder for temporary files, if it has not', async ({ skip }) => {
    using disk = mountSmallDisk(join(root.path, 'disk'), 16_384);
    if (!disk) skip(notPermitted);
    const { folder } = await savedIn(
      replaceFolder(join(root.path, 'disk', 'out'), { 'model.bin': Buffer.alloc(50_000) }),
    );
    expect(realpathSync(folder).startsWith(realpathSync(tmpdir()))).toBe(true);
    expect(readFileSync(join(folder, 'model.bin'))).toHaveLength(50_000);
    await rm(folder, { recursive: true });
  });

  test('also where a file took the place meanwhile', async () => {
    writeFileSync(out, 'in the way');
    const { folder } = await savedIn(replaceFolder(out, first));
    expect(contentsOf(folder)).toEqual(first);
    expect(readFileSync(out, 'utf8')).toBe('in the way');
  });
});

test.each([
  ['nothing', [], 'absent'],
  ['markers of a system alone', ['.DS_Store', '_SUCCESS', 'lost+found', '.nfs0001'], 'absent'],
  ['our files, and markers', ['model.bin', '.DS_Store'], 'ours'],
  ['other files', ['model.bin', 'thesis.tex'], 'foreign'],
  ['not the file that is always there', ['manifest.json'], 'foreign'],
])('a folder of %s is %s', async (_, names, expected) => {
  mkdirSync(out);
  for (const name of names) writeFileSync(join(out, name), '');
  expect(await inspectFolder(out, Object.keys(first))).toBe(expected);
});
