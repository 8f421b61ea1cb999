// Backup workers in real processes: nobody waits for a worker that stands still.

import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { canFindProcesses, launched } from '../testing/launched-processes.js';
import { smallModel, startUnroll, temporaryFolder, unrollJson, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const corpus = join(root.path, 'corpus');
const out = join(root.path, 'out');

beforeAll(() => void writeSmallCorpus(corpus));
afterAll(() => root[Symbol.dispose]());

test.skipIf(!canFindProcesses)('a run ends without a worker that stands still', async () => {
  const cluster = [
    '--workers',
    '4',
    '--servers',
    '2',
    '--backup-workers',
    '1',
    '--lease',
    '2',
    '--worker-timeout',
    '6',
  ];
  const flags = ['train', '--data', corpus, '--out', out, ...smallModel, '--epochs', '4', ...cluster];
  const { child, logged, outcome } = startUnroll(...flags);
  await logged(/^epoch 1\//m);
  process.kill(launched(child, 'worker').at(-1)!, 'SIGSTOP');
  const { status, stderr } = await outcome;
  expect(stderr).toMatch(/^epoch 4\//m);
  expect(status).toBe(0);
  await unrollJson('eval', '--checkpoint', out, '--data', corpus);
});
