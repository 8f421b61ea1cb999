// Trainings that begin with the model of another checkpoint, in real processes.

import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCheckpoint } from '../checkpoint/checkpoint.js';
import { smallModel, temporaryFolder, unroll, unrollJson, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const at = (name: string) => join(root.path, name);
/** So slow that no parameter changes in float32: the final model is the initial one. */
const still = ['--optimizer', 'sgd', '--learning-rate', '1e-30', '--max-steps', '2', '--batch-size', '4'];

beforeAll(async () => {
  writeSmallCorpus(at('corpus'));
  await unrollJson('train', '--data', at('corpus'), '--out', at('first'), ...smallModel, '--max-steps', '5');
});
afterAll(() => root[Symbol.dispose]());

test.each([
  ['alone', []],
  ['with workers and a parameter server', ['--workers', '2']],
])('a training %s begins with the parameters and the tokenizer of the other checkpoint', async (name, flags) => {
  const from = ['--init-from', at('first'), '--dropout', '0.1'];
  await unrollJson('train', '--data', at('corpus'), '--out', at(name), ...from, ...still, ...flags);
  const [first, second] = [await readCheckpoint(at('first')), await readCheckpoint(at(name))];
  expect(second.parameters).toEqual(first.parameters);
  expect(second.tokenizer.toJSON()).toEqual(first.tokenizer.toJSON());
  expect(second.config).toEqual({ ...first.config, dropout: 0.1 });
});

test('what was begun so is resumed from its own checkpoint', async () => {
  const command = [
    'train',
    '--data',
    at('corpus'),
    '--out',
    at('again'),
    '--init-from',
    at('first'),
    '--learning-rate',
    '1',
  ];
  await unrollJson(...command, '--max-steps', '2');
  const { steps } = await unrollJson(...command, '--max-steps', '4', '--resume');
  expect(steps).toBe(4);
});

test.each([
  ['another width', ['--hidden-dim', '9'], 'with --hidden-dim it would be'],
  ['another tokenizer', ['--tokenizer', 'char'], '--tokenizer: comes with --init-from; leave it out'],
])('%s than the other checkpoint has is wrong usage', async (_, flags, message) => {
  const { status, stderr } = await unroll(
    ...['train', '--data', at('corpus'), '--out', at('refused'), '--init-from', at('first')],
    ...flags,
  );
  expect(status).toBe(2);
  expect(stderr).toContain(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});
