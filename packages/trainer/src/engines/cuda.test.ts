import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cudaObstacle } from './cuda.js';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'unroll-cuda-'));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

/** Creates a folder with these files, all empty. */
function folder(name: string, files: readonly string[]): string {
  const path = join(root, name);
  mkdirSync(path);
  for (const file of files) writeFileSync(join(path, file), '');
  return path;
}

const shared = 'libonnxruntime_providers_shared.so';
const cuda = 'libonnxruntime_providers_cuda.so';

test('CUDA is ready where the provider’s libraries and a device are', () => {
  expect(cudaObstacle(folder('lib', [shared, cuda]), folder('dev', ['null', 'nvidia0', 'nvidiactl']))).toBeUndefined();
});

test('a device of the Windows Subsystem for Linux counts', () => {
  expect(cudaObstacle(folder('lib', [shared, cuda]), folder('dev', ['dxg']))).toBeUndefined();
});

test('a library that is missing is named, whatever devices there are', () => {
  expect(cudaObstacle(folder('lib', [shared, 'libonnxruntime.so.1']), folder('dev', ['nvidiactl']))).toEqual({
    missing: 'libraries',
    detail: `${root}/lib has no ${cuda}`,
  });
});

test('libraries without a device are not enough', () => {
  expect(cudaObstacle(folder('lib', [shared, cuda]), folder('dev', ['null']))).toEqual({
    missing: 'device',
    detail: `the CUDA provider is installed, but there is no NVIDIA device: neither ${root}/dev/nvidiactl nor ${root}/dev/dxg`,
  });
});
