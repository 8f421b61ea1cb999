import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadLocalLanguageModel } from '../loading/load-local.js';
import { folderOf, sampleBundle } from '../testing/sample-bundle.js';
import type { LocalLanguageModel } from './local-language-model.js';

let model: LocalLanguageModel;
beforeAll(async () => {
  await using folder = await folderOf(await sampleBundle('int8'));
  model = await loadLocalLanguageModel(folder.path);
});
afterAll(() => model.dispose());

async function write(prompt: string, options: object): Promise<string> {
  let text = '';
  for await (const { text: added } of model.generate(prompt, { maxTokens: 10, ...options })) text += added;
  return text;
}

test('a text read in two parts is scored and continued like the whole', async () => {
  const state = await model.read('the river word1');
  const whole = await model.score('the river word1 word2 then');
  const part = await model.score('word2 then', { state });
  expect(part.tokenLogProbabilities).toEqual(whole.tokenLogProbabilities.slice(3));
  expect(await write('word2', { state, seed: 3 })).toBe(await write('the river word1 word2', { seed: 3 }));
});

test('using a state does not change it: branches do not disturb each other', async () => {
  const state = await model.read('the river');
  const copy = structuredClone(state);
  const first = await write('', { state, seed: 1 });
  expect(await write('', { state, seed: 2 })).not.toBe(first);
  expect(await write('', { state, seed: 1 })).toBe(first);
  expect(state).toEqual(copy);
  expect(await write('', { state: copy, seed: 1 })).toBe(first);
});

test('a state is as large after a long text as after a short one', async () => {
  const [short, long] = [
    await model.read('the river then there The word1 word2 word3'),
    await model.read('the '.repeat(500)),
  ];
  expect(long.values).toHaveLength(short.values.length);
  expect(long.ids).toHaveLength(short.ids.length);
});

test('a state of another model is refused', async () => {
  const state = { ...(await model.read('the')), model: 'another' };
  await expect(model.score('the', { state })).rejects.toMatchObject({ code: 'state-foreign' });
});

test('a surprise is the logarithm of the inverse probability, in bits', async () => {
  const { surprises, tokenLogProbabilities } = await model.score('the river');
  surprises.forEach((bits, i) => {
    expect(2 ** -bits).toBeCloseTo(Math.exp(tokenLogProbabilities[i]!), 12);
  });
});
