// Workers at their own pace in real processes: a run in which a worker and a server are killed goes on to its last
// step.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readResumableCheckpoint } from '../checkpoint/checkpoint.js';
import { canFindProcesses, launched } from '../testing/launched-processes.js';
import { smallModel, startUnroll, temporaryFolder, unrollJson, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const corpus = join(root.path, 'corpus');
const flags = (out: string) => [
  ...['train', '--data', corpus, '--out', join(root.path, out), ...smallModel, '--workers', '2', '--servers', '2'],
  ...['--snapshot-every', '3'],
];

const perplexityOf = async (out: string) => {
  const { perplexity } = await unrollJson('eval', '--checkpoint', join(root.path, out), '--data', corpus);
  return perplexity as number;
};

beforeAll(async () => {
  writeSmallCorpus(corpus);
  await unrollJson(...flags('sync'), '--epochs', '5');
});
afterAll(() => root[Symbol.dispose]());

describe.each([
  ['ssp', ['--mode', 'ssp', '--staleness', '2']],
  ['async', ['--mode', 'async']],
] as const)('in mode %s', (mode, settings) => {
  test.skipIf(!canFindProcesses)('a run of which a worker and a server are killed ends as sync does', async () => {
    const { child, logged, outcome } = startUnroll(...flags(mode), ...settings, '--epochs', '5');
    await logged(/^epoch 1\//m);
    process.kill(launched(child, 'worker')[1]!, 'SIGKILL');
    await logged(/^epoch 3\//m);
    process.kill(launched(child, 'param-server')[1]!, 'SIGKILL');
    const { status, stderr } = await outcome;
    expect(stderr).toMatch(/^worker 1 was killed by SIGKILL/m);
    expect(stderr).toMatch(/^back at step \d+, from its snapshot$/m);
    expect(status).toBe(0);
    const { state } = await readResumableCheckpoint(join(root.path, mode));
    expect(state.step).toBe(100);
    expect(await perplexityOf(mode)).toBeLessThan(1.1 * (await perplexityOf('sync')));
  });

  test('a run that stops within an epoch goes on from its checkpoint, in its mode, and says how stale gradients are', async () => {
    const out = `${mode}-stopped`;
    const { stderr } = await startUnroll(...flags(out), ...settings, '--max-steps', '7').outcome;
    expect(stderr).toMatch(/^epoch 1\/\d+, step 7: .*, staleness \d+\.\d$/m);
    expect(await unrollJson(...flags(out), '--resume', '--epochs', '2')).toMatchObject({ steps: 40 });
  });
});
