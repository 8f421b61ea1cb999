// A short run of the fuzzer: what strangers and joined workers send harms no honest run.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('a stranger and a worker that send what no client sends harm no server and no honest run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-test-'));
  try {
    const log = join(folder, 'log.txt');
    const program = fileURLToPath(new URL('run.mjs', import.meta.url));
    const args = [program, '--messages', '3000', '--seed', '7', '--log', log];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    const [summary, ...counts] = readFileSync(log, 'utf8').split('\n');
    expect(JSON.parse(summary!)).toMatchObject({ messages: 3000, seed: 7, faults: 0 });
    for (const sender of ['stranger', 'worker']) {
      for (const door of ['grpc', 'bulk', 'http2', 'raw', 'metrics', 'gateway', 'dashboard']) {
        expect(counts).toContainEqual(expect.stringMatching(new RegExp(`\\d  ${sender} +${door} `)));
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
