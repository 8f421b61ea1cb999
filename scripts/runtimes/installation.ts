/**
 * Installs the runtimes listed in pinned/package.json into .cache/runtimes, by `npm ci`, and finds their programs. No
 * install script runs: npm's optional packages bring each program for this platform.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** The folder of the runtimes and, during the tests, of the project that they run. */
export const cache = join(root, '.cache/runtimes');
const pinned = join(root, 'scripts/runtimes/pinned');

/**
 * Installs the runtimes, unless these versions are installed.
 * @throws Error with npm's message if npm cannot install them
 */
export async function installRuntimes(): Promise<void> {
  const wanted = await readFile(join(pinned, 'package-lock.json'), 'utf8');
  const installed = join(cache, 'installed.json');
  if ((await readFile(installed, 'utf8').catch(() => undefined)) === wanted) return;
  await mkdir(cache, { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) await copyFile(join(pinned, name), join(cache, name));
  await promisify(execFile)('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: cache,
    shell: process.platform === 'win32',
  });
  await writeFile(installed, wanted);
}

/** The path of a program in the first of these packages that is installed; undefined if none is for this platform. */
export function programOf(packageNames: readonly string[], program: string): string | undefined {
  return packageNames.map((name) => join(cache, 'node_modules', name, program)).find(existsSync);
}

/** The version of an installed package; undefined if it is not installed. */
export function versionOf(packageName: string): string | undefined {
  const path = programOf([packageName], 'package.json');
  return path && (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
