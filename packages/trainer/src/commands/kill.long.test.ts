// Like kill.test.ts, but with longer cases: the launcher is killed too, and workers come and go.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canFindProcesses, launched } from '../testing/launched-processes.js';
import {
  smallModel,
  startUnroll,
  temporaryFolder,
  unroll,
  unrollJson,
  writeSmallCorpus,
} from '../testing/unroll-process.js';

const root = temporaryFolder();
const corpus = join(root.path, 'corpus');
const at = (name: string) => join(root.path, name);
const flags = (out: string, epochs: number) => [
  ...['train', '--data', corpus, '--out', at(out), ...smallModel, '--dropout', '0.2'],
  ...['--workers', '2', '--servers', '2', '--epochs', String(epochs), '--snapshot-every', '3'],
];

beforeAll(() => void writeSmallCorpus(corpus));
afterAll(() => root[Symbol.dispose]());

describe.skipIf(!canFindProcesses)('a run of 2 workers and 2 parameter servers', () => {
  test('learns the same bits if all of it is killed, its launcher too, and started again with --resume', async () => {
    const learnt = (out: string) => readFileSync(join(at(out), 'model.safetensors'));
    await unrollJson(...flags('undisturbed', 5));
    const { child, logged, outcome } = startUnroll(...flags('resumed', 5));
    await logged(/^epoch 2\//m);
    for (const pid of [child.pid!, ...launched(child, 'worker'), ...launched(child, 'param-server')]) {
      process.kill(pid, 'SIGKILL');
    }
    await outcome;
    const again = await unroll(...flags('resumed', 5));
    expect(again.status).toBe(1);
    expect(again.stderr).toMatch(/resumed: already holds a checkpoint; --resume goes on from it/);
    await unrollJson(...flags('resumed', 5), '--resume');
    expect(learnt('resumed')).toEqual(learnt('undisturbed'));
  });

  test('goes on without a worker that is silent, and gives it lanes when it is back', async () => {
    const elastic = ['--min-workers', '1', '--worker-timeout', '1', '--lease', '1'];
    const { child, logged, outcome } = startUnroll(...flags('silent', 30), ...elastic);
    await logged(/^epoch 1\//m);
    const [, worker] = launched(child, 'worker');
    process.kill(worker!, 'SIGSTOP');
    await logged(/^1 of 2 workers share the lanes at step \d+: 0$/m);
    process.kill(worker!, 'SIGCONT');
    await logged(/^2 of 2 workers share the lanes at step \d+: 0, 1$/m);
    expect((await outcome).status).toBe(0);
    expect(JSON.parse(readFileSync(join(at('silent'), 'training-state.json'), 'utf8'))).toMatchObject({ step: 600 });
  });

  test.each([
    { mode: 'sync', settings: [], steps: 600 },
    { mode: 'local', settings: ['--mode', 'local', '--local-steps', '5'], steps: 120 },
  ])('in mode $mode goes on without a worker that SIGTERM asks to leave', async ({ mode, settings, steps }) => {
    const out = `left-${mode}`;
    const { child, logged, outcome } = startUnroll(...flags(out, 30), ...settings, '--min-workers', '1');
    await logged(/^epoch 1\//m);
    process.kill(launched(child, 'worker')[1]!, 'SIGTERM');
    await logged(/^1 of 2 workers share the lanes at step \d+: 0$/m);
    expect((await outcome).status).toBe(0);
    expect(JSON.parse(readFileSync(join(at(out), 'training-state.json'), 'utf8'))).toMatchObject({ step: steps });
  });
});
