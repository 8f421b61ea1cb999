// Rounds of local steps from the command line: the computation of a round, and that nothing is lost when it is
// disturbed.

import { join } from 'node:path';
import { initialParameters } from '@unroll/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readResumableCheckpoint } from '../checkpoint/checkpoint.js';
import { canFindProcesses, killAfterEpochs } from '../testing/launched-processes.js';
import { smallModel, startUnroll, temporaryFolder, unrollJson, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const corpus = join(root.path, 'corpus');
const at = (name: string) => join(root.path, name);
const flags = (out: string) => ['train', '--data', corpus, '--out', at(out), ...smallModel];
/** 20 batches per epoch: rounds of 6, 6, 6 and 2. */
const local = ['--mode', 'local', '--local-steps', '6'];
const twoWorkers = ['--workers', '2', '--servers', '2', '--dropout', '0.2', ...local];
const checkpoint = (out: string) => readResumableCheckpoint(at(out));
const learnt = async (out: string) => {
  const { parameters, slots } = await checkpoint(out);
  return { parameters, slots };
};

beforeAll(async () => {
  writeSmallCorpus(corpus);
  await unrollJson(...flags('undisturbed'), ...twoWorkers, '--epochs', '6');
});
afterAll(() => root[Symbol.dispose]());

test('the first round moves the parameters 0.7 · (1 + 0.9) times as far as its steps do without servers', async () => {
  await unrollJson(...flags('alone'), '--max-steps', '6');
  await unrollJson(...flags('round'), ...local, '--servers', '1', '--max-steps', '1');
  const [alone, round] = [await checkpoint('alone'), await checkpoint('round')];
  const { seed, initRange } = alone.state.training;
  const initial = initialParameters(alone.config, { seed, range: initRange });
  for (const [name, start] of Object.entries(initial)) {
    const errors = start.map((value, k) => {
      const expected = value + 0.7 * 1.9 * (alone.parameters[name]![k]! - value);
      return Math.abs(round.parameters[name]![k]! - expected);
    });
    expect(Math.max(...errors), name).toBeLessThan(1e-6);
  }
});

test('a step is a round, the last of an epoch being shorter, and every token is counted', async () => {
  const { state } = await checkpoint('undisturbed');
  expect(state.step).toBe(6 * 4);
  await unrollJson(...flags('synchronous'), '--max-steps', '20');
  expect(state.tokens).toBe(6 * (await checkpoint('synchronous')).state.tokens);
});

test('a run that stops within an epoch goes on to the same parameters, bit for bit', async () => {
  await unrollJson(...flags('stopped'), ...twoWorkers, '--max-steps', '7');
  await unrollJson(...flags('stopped'), '--workers', '2', '--servers', '2', '--resume', '--epochs', '6');
  expect(await learnt('stopped')).toEqual(await learnt('undisturbed'));
});

test.skipIf(!canFindProcesses)('a run of which a worker and a server are killed learns the same bits', async () => {
  const run = startUnroll(...flags('killed'), ...twoWorkers, '--epochs', '6');
  await killAfterEpochs(run, [
    [1, 'worker'],
    [3, 'param-server'],
  ]);
  const { status, stderr } = await run.outcome;
  expect(status).toBe(0);
  expect(stderr).toMatch(/was killed by SIGKILL: starting it again/);
  expect(await learnt('killed')).toEqual(await learnt('undisturbed'));
});
