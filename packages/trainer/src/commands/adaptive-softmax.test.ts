// An adaptive softmax from the command line: the trained model is scored exactly, exported, and trained the same by
// several workers.

import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readResumableCheckpoint } from '../checkpoint/checkpoint.js';
import { smallModel, temporaryFolder, unrollJson, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const corpus = join(root.path, 'corpus');
const at = (name: string) => join(root.path, name);
/** 20 steps per epoch. */
const flags = (out: string) => [
  ...['train', '--data', corpus, '--out', at(out), ...smallModel, '--softmax', 'adaptive:4,8'],
  ...['--optimizer', 'sgd', '--learning-rate', '0.5', '--epochs', '4'],
];
const parametersOf = async (out: string) => (await readResumableCheckpoint(at(out))).parameters;

let alone: Record<string, unknown>;

beforeAll(async () => {
  writeSmallCorpus(corpus);
  alone = await unrollJson(...flags('alone'));
});
afterAll(() => root[Symbol.dispose]());

test('what an adaptive softmax has learnt is exported, and run in a bundle as it was evaluated', async () => {
  const { perplexity: exact } = await unrollJson('eval', '--checkpoint', at('alone'), '--data', corpus);
  const bundle = ['--out', at('bundle'), '--quantization', 'int8', '--data', corpus];
  const { measured } = await unrollJson('export', '--checkpoint', at('alone'), ...bundle);
  const { perplexity } = measured as Record<string, number>;
  expect(Number(exact)).toBeCloseTo(Number(alone.validPerplexity), -1);
  expect(Math.abs(Number(perplexity) / Number(exact) - 1)).toBeLessThan(0.05);
});

test('a run that goes on from a checkpoint comes to the same parameters, bit for bit', async () => {
  await unrollJson(...flags('stopped'), '--epochs', '2');
  await unrollJson('train', '--data', corpus, '--out', at('stopped'), '--resume', '--epochs', '4');
  expect(await parametersOf('stopped')).toEqual(await parametersOf('alone'));
});

test.each([
  ['two workers', ['--workers', '2', '--servers', '2']],
  ['the halves of batches', ['--accumulate', '2']],
])('%s learn what one learns from whole batches, to rounding', async (name, choice) => {
  await unrollJson(...flags(name), ...choice);
  const [learnt, expected] = [await parametersOf(name), await parametersOf('alone')];
  for (const [parameter, values] of Object.entries(expected)) {
    const largest = Math.max(...values.map((value, k) => Math.abs(value - learnt[parameter]![k]!)));
    expect(largest, parameter).toBeLessThan(1e-4);
  }
});
