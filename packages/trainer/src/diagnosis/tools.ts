/** Checks programs that only tests and optional checks of this project use. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Check, outputOf } from './check.js';

const chromiumNames = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

export async function checkChromium(): Promise<Check> {
  const name = 'Chromium';
  const remedy = 'for browser tests, install chromium or set CHROMIUM_PATH to its program';
  const path = process.env.CHROMIUM_PATH ?? chromiumNames.map(onPath).find((found) => found !== undefined);
  if (path === undefined) return { name, status: 'missing', detail: 'neither CHROMIUM_PATH nor PATH has it', remedy };
  try {
    return { name, status: 'ok', detail: `${await outputOf(path, ['--version'])} (${path})` };
  } catch (error) {
    return { name, status: 'broken', detail: `${path}: ${(error as Error).message}`, remedy };
  }
}

/** Checks Python. It is never required; with these packages, exported models can be compared with other implementations. */
export async function checkPython(): Promise<Check> {
  const name = 'Python';
  const remedy = 'only for comparisons with other implementations: pip install onnx torch';
  const path = onPath('python3');
  if (path === undefined) return { name, status: 'missing', detail: 'PATH has no python3', remedy };
  const script =
    'import importlib.util as u, platform; print(platform.python_version(), *[m for m in ("onnx", "torch") if not u.find_spec(m)])';
  try {
    const [version, ...absent] = (await outputOf(path, ['-c', script])).split(' ');
    return absent.length === 0
      ? { name, status: 'ok', detail: `${version} with onnx and torch` }
      : { name, status: 'missing', detail: `${version} without ${absent.join(' and ')}`, remedy };
  } catch (error) {
    return { name, status: 'broken', detail: `${path}: ${(error as Error).message}`, remedy };
  }
}

/** Returns the path of the program of this name; undefined if PATH does not contain it. */
function onPath(program: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
