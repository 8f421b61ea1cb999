// Gradient codecs from the command line: the result comes close to float32's, and kills change no bit of it.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readResumableCheckpoint } from '../checkpoint/checkpoint.js';
import { canFindProcesses, killAfterEpochs } from '../testing/launched-processes.js';
import { smallModel, startUnroll, temporaryFolder, unrollJson, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const corpus = join(root.path, 'corpus');
const at = (name: string) => join(root.path, name);
/** 20 steps per epoch. */
const recipe = ['--optimizer', 'momentum', '--learning-rate', '0.5', '--epochs', '6'];
const flags = (out: string) => ['train', '--data', corpus, '--out', at(out), ...smallModel, ...recipe];
const cluster = ['--workers', '2', '--servers', '2', '--snapshot-every', '8'];
const learnt = async (out: string) => {
  const { parameters, slots } = await readResumableCheckpoint(at(out));
  return { parameters, slots };
};
const perplexity = async (out: string) => {
  return (await readResumableCheckpoint(at(out))).state.validPerplexity ?? Number.NaN;
};

beforeAll(async () => {
  writeSmallCorpus(corpus);
  await unrollJson(...flags('float32'), ...cluster);
});
afterAll(() => root[Symbol.dispose]());

describe.each([
  { codec: 'bfloat16', cost: 1.01 },
  { codec: 'int8', cost: 1.01 },
  { codec: 'power-sgd:2', cost: 1.1 },
  { codec: 'top-k:0.1', cost: 1.2 },
])('in $codec', ({ codec, cost }) => {
  test('a small model learns nearly what it learns in float32, and not the same', async () => {
    await unrollJson(...flags(codec), ...cluster, '--gradient-codec', codec);
    expect(await perplexity(codec)).toBeLessThan(cost * (await perplexity('float32')));
    expect((await learnt(codec)).parameters).not.toEqual((await learnt('float32')).parameters);
  });
});

test.skipIf(!canFindProcesses)('a run of which a worker and a server are killed learns the same bits', async () => {
  const codec = ['--gradient-codec', 'top-k:0.1'];
  const run = startUnroll(...flags('killed'), ...cluster, ...codec);
  await killAfterEpochs(run, [
    [1, 'worker'],
    [3, 'param-server'],
  ]);
  const { status, stderr } = await run.outcome;
  expect(status).toBe(0);
  expect(stderr).toMatch(/was killed by SIGKILL: starting it again/);
  expect(await learnt('killed')).toEqual(await learnt('top-k:0.1'));
});

test('a run that stops at the end of an epoch goes on to the same parameters, bit for bit', async () => {
  const codec = ['--gradient-codec', 'top-k:0.1'];
  await unrollJson(...flags('stopped'), ...cluster, ...codec, '--epochs', '3');
  await unrollJson(...flags('stopped'), ...cluster, '--resume', '--epochs', '6');
  expect(await learnt('stopped')).toEqual(await learnt('top-k:0.1'));
});
