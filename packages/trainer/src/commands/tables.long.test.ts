// Sampled softmax and row tables from the command line: the trained model, that kills change no bit of it, and the
// benefit.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readResumableCheckpoint } from '../checkpoint/checkpoint.js';
import { canFindProcesses, killAfterEpochs } from '../testing/launched-processes.js';
import { smallModel, startUnroll, temporaryFolder, unrollJson, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const corpus = join(root.path, 'corpus');
const at = (name: string) => join(root.path, name);
/** 20 steps per epoch. */
const flags = (out: string) => [
  ...['train', '--data', corpus, '--out', at(out), ...smallModel],
  ...['--softmax', 'sampled:4', '--optimizer', 'sgd', '--learning-rate', '0.5', '--epochs', '4'],
];
const cluster = ['--workers', '2', '--servers', '2', '--snapshot-every', '8'];
const rows = [...cluster, '--tables', 'rows'];
const learnt = async (out: string) => {
  const { parameters, slots, state } = await readResumableCheckpoint(at(out));
  return { parameters, slots, perplexity: state.validPerplexity };
};

beforeAll(() => void writeSmallCorpus(corpus));
afterAll(() => root[Symbol.dispose]());

describe.each([
  { model: 'untied', choice: [] },
  { model: 'tied', choice: ['--tie-weights', '--embedding-dim', '16'] },
])('a model with $model weights', ({ model, choice }) => {
  test('learns the same bits whether workers hold whole tables or the rows of their batch', async () => {
    await unrollJson(...flags(`${model}-whole`), ...choice, ...cluster);
    await unrollJson(...flags(`${model}-rows`), ...choice, ...rows);
    expect(await learnt(`${model}-rows`)).toEqual(await learnt(`${model}-whole`));
  });
});

test('what a sampled softmax has learnt is evaluated over all words, and exported and run like any model', async () => {
  const { validPerplexity } = await unrollJson(...flags('alone'));
  const evaluated = await unrollJson('eval', '--checkpoint', at('alone'), '--data', corpus, '--split', 'valid');
  expect(evaluated.perplexity).toBeCloseTo(Number(validPerplexity), 4);
  const bundle = ['--out', at('bundle'), '--quantization', 'int8', '--data', corpus];
  const { measured } = await unrollJson('export', '--checkpoint', at('alone'), ...bundle);
  const { perplexity, float32Perplexity } = measured as Record<string, number>;
  const { perplexity: exact } = await unrollJson('eval', '--checkpoint', at('alone'), '--data', corpus);
  expect(float32Perplexity).toBeCloseTo(Number(exact), 4);
  expect(perplexity).toBeLessThan(1.05 * Number(exact));
});

test('a run that goes on with tables by rows from a checkpoint comes to the same parameters, bit for bit', async () => {
  const adam = ['--optimizer', 'adam', '--learning-rate', '0.01'];
  await unrollJson(...flags('whole-run'), ...adam, ...rows);
  await unrollJson(...flags('stopped'), ...adam, ...rows, '--epochs', '2');
  await unrollJson('train', '--data', corpus, '--out', at('stopped'), '--resume', '--epochs', '4', ...rows);
  expect(await learnt('stopped')).toEqual(await learnt('whole-run'));
});

test.skipIf(!canFindProcesses)('a run of which a worker and a server are killed learns the same bits', async () => {
  const run = startUnroll(...flags('killed'), ...rows);
  await killAfterEpochs(run, [
    [1, 'worker'],
    [2, 'param-server'],
  ]);
  const { status, stderr } = await run.outcome;
  expect(status).toBe(0);
  expect(stderr).toMatch(/was killed by SIGKILL: starting it again/);
  expect(await learnt('killed')).toEqual(await learnt('untied-rows'));
});
