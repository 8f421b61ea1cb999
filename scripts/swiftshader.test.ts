import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { swiftShaderEnvironment } from './swiftshader.mjs';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'unroll-swiftshader-'));
  vi.stubEnv('VK_ICD_FILENAMES', undefined);
  vi.stubEnv('LD_LIBRARY_PATH', undefined);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

function file(path: string): string {
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, '');
  return full;
}

test.runIf(process.platform === 'linux').each([
  ['beside the program, as in Playwright’s', 'chrome-linux/chrome', 'chrome-linux'],
  ['in lib, as in Debian’s', 'bin/chromium', 'lib/chromium'],
])('SwiftShader is found %s Chromium', (_, program, folder) => {
  const chromium = file(program);
  const driver = file(`${folder}/vk_swiftshader_icd.json`);
  expect(swiftShaderEnvironment(chromium)).toEqual({ VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: join(root, folder) });
});

test('a driver that is already named is kept, and a Chromium without SwiftShader adds none', () => {
  const chromium = file('bin/chromium');
  expect(swiftShaderEnvironment(chromium)).toEqual({});
  expect(swiftShaderEnvironment(undefined)).toEqual({});
  file('lib/chromium/vk_swiftshader_icd.json');
  vi.stubEnv('VK_ICD_FILENAMES', '/usr/share/vulkan/icd.d/nvidia_icd.json');
  expect(swiftShaderEnvironment(chromium)).toEqual({});
});
