// `unroll eval` with a model that adapts to the text, in real processes.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { smallModel, temporaryFolder, unroll, unrollJson, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const at = (name: string) => join(root.path, name);
const evaluate = (checkpoint: string, ...flags: string[]) =>
  unrollJson('eval', '--checkpoint', at(checkpoint), '--data', at('corpus'), '--threads', '1', ...flags);

beforeAll(async () => {
  writeSmallCorpus(at('corpus'));
  // One sentence, no more frequent in the training text than the others.
  writeFileSync(join(at('corpus'), 'test.txt'), 'the dog sees anna\n'.repeat(60));
  const train = ['train', '--data', at('corpus'), ...smallModel, '--epochs', '1'];
  await unrollJson(...train, '--out', at('words'));
  const sampled = ['--softmax', 'sampled:8', '--tie-weights', '--embedding-dim', '16', '--dropout', '0.2'];
  await unrollJson(...train, '--out', at('pieces'), '--tokenizer', 'bpe', '--vocabulary', '300', ...sampled);
});
afterAll(() => root[Symbol.dispose]());

const learning = ['--dynamic', '--dynamic-rate', '0.001'];
const caching = ['--cache', '100'];

test('a text that repeats itself is predicted better by a model that adapts to it, and best in both ways', async () => {
  const ways = [[], learning, caching, [...learning, ...caching]];
  const results = await Promise.all(ways.map((flags) => evaluate('words', ...flags)));
  const [plain, learnt, cached, both] = results.map(({ perplexity }) => perplexity as number);
  expect(learnt).toBeLessThan(0.95 * plain!);
  expect(cached).toBeLessThan(0.95 * plain!);
  expect(both).toBeLessThan(Math.min(learnt!, cached!));
});

test('so it is in pieces of words, by a model that was trained with a sampled softmax and dropout', async () => {
  const [plain, both] = [await evaluate('pieces'), await evaluate('pieces', ...learning, ...caching)];
  expect(both.perplexity).toBeLessThan(0.9 * (plain.perplexity as number));
});

test('the result says how the model adapted', async () => {
  const flags = ['--dynamic', 'sgd', '--dynamic-segment', '20', '--cache', '50', '--cache-lambda', '0.2'];
  expect(await evaluate('words', ...flags)).toEqual({
    split: 'test',
    tokens: 300,
    loss: expect.any(Number),
    perplexity: expect.any(Number),
    dynamic: { rule: 'sgd', learningRate: 0.1, decay: 0.002, segment: 20 },
    cache: { size: 50, theta: 0.3, lambda: 0.2 },
  });
});

test('an application’s checkpoint refuses to adapt in a line', async () => {
  const task = ['train', '--task', 'forecast', '--data', 'sample', '--out', at('forecast'), '--epochs', '1'];
  await unrollJson(...task, '--threads', '1');
  for (const flags of [['--dynamic'], caching]) {
    const args = ['eval', '--checkpoint', at('forecast'), '--data', 'sample', ...flags];
    const { status, stdout, stderr } = await unroll(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^unroll: [^\n]+\n$/);
    expect(stderr).toContain(`${flags[0]}: is for language models, and the checkpoint is of forecast; leave it out`);
  }
});
