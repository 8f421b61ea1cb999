// ONNX Runtime keeps its own database in the home folder as soon as it has something to report.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../testing/unroll-process.js';

const program = fileURLToPath(new URL('../../bin/unroll.js', import.meta.url));

test('training leaves nothing in the home folder, and so nothing to be sent', () => {
  using folder = temporaryFolder();
  const home = join(folder.path, 'home');
  const { ORT_DISABLE_TELEMETRY: _, XDG_CACHE_HOME: __, ...environment } = process.env;
  const out = join(folder.path, 'run');
  const args = [
    'train',
    '--data',
    'grammar',
    '--out',
    out,
    '--hidden-dim',
    '8',
    '--embedding-dim',
    '8',
    '--max-steps',
    '2',
  ];
  const { status, stderr } = spawnSync(process.execPath, [program, ...args], {
    env: { ...environment, HOME: home },
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  expect(existsSync(home) ? readdirSync(home) : []).toEqual([]);
});
