// Arguments that TypeScript would refuse: each is refused by name before anything is computed, or has a sensible
// result.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadLocalLanguageModel } from '../loading/load-local.js';
import { folderOf, sampleBundle } from '../testing/sample-bundle.js';
import type { LocalLanguageModel } from './local-language-model.js';

let model: LocalLanguageModel;
beforeAll(async () => {
  await using folder = await folderOf(await sampleBundle());
  model = await loadLocalLanguageModel(folder.path);
});
afterAll(() => model.dispose());

/** The same model without its types, for arguments that they forbid. */
const untyped = () => model as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
const generate = (...args: unknown[]) =>
  (untyped().generate!(...args) as unknown as AsyncGenerator<unknown>).next() as Promise<unknown>;
const accept = async (...args: unknown[]) => untyped().accept!(...args);
const call =
  (name: string) =>
  (...args: unknown[]) =>
    untyped()[name]!(...args);

describe('an argument of the wrong kind is a TypeError that names it', () => {
  test.each<[string, (...args: unknown[]) => Promise<unknown>, unknown[]]>([
    ['prompt: must be a string, is undefined', generate, []],
    ['prompt: must be a string, is a number', generate, [5]],
    ['options: must be an object, is null', generate, ['the', null]],
    ['temperature: must be a number, is a string', generate, ['the', { temperature: '0.5' }]],
    ['maxTokens: must be a number, is a string', generate, ['the', { maxTokens: '5' }]],
    ['state: must be a result of `read`', generate, ['the', { state: { model: 'x' } }]],
    ['signal: must be an AbortSignal, is a boolean', generate, ['the', { signal: true }]],
    ['text: must be a string, is a list', call('score'), [['the']]],
    ['options: must be an object, is a number', call('score'), ['the', 3]],
    ['text: must be a string, is null', call('read'), [null]],
    ['text: must be a string, is an object', call('suggest'), [{}]],
    ['prefix: must be a string, is a number', call('suggest'), ['the', { prefix: 1 }]],
    ['count: must be a number, is a string', call('suggest'), ['the', { count: '3' }]],
    ['texts: must be a list of strings, is a string', call('personalize'), ['the river']],
    ['texts[1]: must be a string, is null', call('personalize'), [['the', null]]],
    ['steps: must be a number, is a string', call('personalize'), [['the'], { steps: '9' }]],
    ['method: must be a string, is a number', call('personalize'), [['the'], { method: 5 }]],
    ['onProgress: must be a function, is a string', call('personalize'), [['the'], { onProgress: 'x' }]],
    ['gateway: must be a string or a URL, is a number', call('contribute'), [5]],
    ['options: must be an object, is null', call('contribute'), ['http://localhost/', null]],
    ['token: must be a string, is a number', call('contribute'), ['http://localhost/', { token: 5 }]],
    ['signal: must be an AbortSignal, is a boolean', call('contribute'), ['http://localhost/', { signal: true }]],
    ['text: must be a string, is undefined', accept, [undefined, 'x']],
    ['text: must be a string, is null', accept, [null, 'x']],
    ['text: must be a string, is a number', accept, [5, undefined]],
    ['text: must be a string, is a list', accept, [[], 'x']],
    ['suggestion: must be a string, is null', accept, ['the', null]],
    ['suggestion: must be a string, is a number', accept, ['the', 5]],
  ])('%s', async (message, method, args) => {
    await expect(method(...args)).rejects.toThrow(new TypeError(message));
  });
});

describe('an argument out of range is a RangeError that names it', () => {
  test.each<[RegExp, (...args: unknown[]) => Promise<unknown>, unknown[]]>([
    [/^maxTokens 0: must be/, generate, ['the', { maxTokens: 0 }]],
    [/^maxTokens NaN: must be/, generate, ['the', { maxTokens: Number.NaN }]],
    [/^maxTokens Infinity: must be/, generate, ['the', { maxTokens: Number.POSITIVE_INFINITY, beamWidth: 2 }]],
    [/^temperature -1: must be/, generate, ['the', { temperature: -1 }]],
    [/^topP 1.5: must be/, generate, ['the', { topP: 1.5 }]],
    [/^topK 2.5: must be/, generate, ['the', { topK: 2.5 }]],
    [/^seed -1: must be/, generate, ['the', { seed: -1 }]],
    [/^beamWidth 0: must be/, generate, ['the', { beamWidth: 0 }]],
    [/^count -1: must be/, call('suggest'), ['the', { count: -1 }]],
    [/^count 1.5: must be/, call('suggest'), ['the', { count: 1.5 }]],
    [/^count Infinity: must be/, call('suggest'), ['the', { count: Number.POSITIVE_INFINITY }]],
    [/^gateway 'http:\/\/': is no address/, call('contribute'), ['http://']],
    [/^id -1: /, call('scoreIds'), [[1, -1]]],
    [/^id 402: the model's ids run from 0 to 401/, call('scoreIds'), [[1, 402]]],
    [/^id 0.5: /, call('scoreIds'), [[0.5]]],
  ])('%s', async (message, method, args) => {
    const error = await method(...args).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toMatch(message);
  });
});

test('a truncated state is refused', async () => {
  const { values, ...state } = await model.read('the river');
  const score = model.score('the', { state: { ...state, values: values.slice(1) } });
  await expect(score).rejects.toMatchObject({ code: 'state-foreign' });
});

test('a text without a suggestion stays as it is', async () => {
  const [word] = await model.suggest('the zzq');
  expect(word).toBeUndefined();
  expect(model.accept('the zzq', word)).toBe('the zzq');
});

test('an empty text, zero suggestions and an infinite end are accepted', async () => {
  expect(await model.score('')).toMatchObject({ tokens: [], spans: [], logProbability: 0, perplexity: 1 });
  expect(await model.suggest('the ', { count: 0 })).toEqual([]);
  let written = 0;
  for await (const _ of model.generate('', { maxTokens: Number.POSITIVE_INFINITY })) if (++written === 150) break;
  expect(written).toBe(150);
});
