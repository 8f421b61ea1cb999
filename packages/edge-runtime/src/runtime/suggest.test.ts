import { loadTokenizer, trainTokenizer } from '@unroll/core/text';
import { expect, test } from 'vitest';
import { folderAt } from '#bundle-source';
import { readBundle } from '../bundle/read-bundle.js';
import { loadOnWasm } from '../loading/on-wasm.js';
import { folderOf, sampleBundle } from '../testing/sample-bundle.js';
import type { StepModel } from './step.js';
import { Suggester } from './suggest.js';

/** A suggester for a model that counts its steps. */
async function countingSuggester(kind: 'word' | 'char' | 'bpe') {
  await using folder = await folderOf(await sampleBundle('int8', kind));
  const bundle = await readBundle(folderAt(folder.path));
  const { step: model } = await loadOnWasm(bundle);
  const tokenizer = loadTokenizer(bundle.tokenizerJson);
  const counted = { steps: 0 };
  const counting: typeof model = {
    ...model,
    step(state, token) {
      counted.steps++;
      return model.step(state, token);
    },
  };
  return { suggester: new Suggester(counting, tokenizer), counted, model, tokenizer };
}

test('a key within a word costs no model run, and the next word one', async () => {
  const { suggester, counted } = await countingSuggester('word');
  await suggester.suggest('the river ', {});
  const before = counted.steps;
  for (const typed of ['w', 'wo', 'wor', 'word', 'word3']) await suggester.suggest(`the river ${typed}`, {});
  expect(counted.steps).toBe(before);
  await suggester.suggest('the river word3 ', {});
  expect(counted.steps).toBe(before + 1);
});

test('correcting the last words of a long text does not read all of it again', async () => {
  const { suggester, counted } = await countingSuggester('word');
  const text = 'the river word1 '.repeat(100);
  await suggester.suggest(text, {});
  counted.steps = 0;
  await suggester.suggest(`${text.slice(0, -6)}word2 `, {});
  expect(counted.steps).toBe(1);
});

test('suggestions are those of sorting the whole vocabulary', async () => {
  const { suggester, model, tokenizer } = await countingSuggester('word');
  let { initialState: state } = model;
  let logits: Float32Array = new Float32Array();
  for (const id of [tokenizer.eosId, ...tokenizer.encode('the river')])
    ({ state, logits } = await model.step(state, id));
  const words = Array.from(logits, (logit, id) => ({ logit, word: tokenizer.token(id) }));
  const expected = words.filter(({ word }) => word.startsWith('word1')).toSorted((a, b) => b.logit - a.logit);
  const suggested = await suggester.suggest('the river word1', { count: 7 });
  expect(suggested).toEqual(expected.slice(0, 7).map(({ word }) => word));
});

test.each(['char', 'bpe'] as const)(
  'with %s tokens, words are spelled in at most 32 runs beyond the text',
  async (kind) => {
    const { suggester, counted, tokenizer } = await countingSuggester(kind);
    const words = await suggester.suggest('the river th', { count: 4 });
    expect(counted.steps).toBeLessThanOrEqual(1 + tokenizer.encode('the river th').length + 32);
    expect(words.length).toBeGreaterThan(0);
    for (const word of words) expect(word).toMatch(/^th.+$/);
  },
);

/** A model that knows one text by heart, character by character. */
function reciting(text: string) {
  const tokenizer = trainTokenizer('char', text);
  const next = (id: number) => {
    const place = text.indexOf(tokenizer.token(id));
    return tokenizer.id([...text.slice(place + 1)][0] ?? '\n') ?? tokenizer.eosId;
  };
  const model: StepModel = {
    initialState: {},
    step: async (state, token) => {
      const logits = new Float32Array(tokenizer.vocabSize);
      logits[next(token)] = 9;
      return { logits, state };
    },
    dispose: async () => {},
  };
  return new Suggester(model, tokenizer);
}

// No character occurs twice in a text, because the model knows only the last one.
test.each([
  ['江南岸明月何时照我还', '江南', '岸'],
  ['江南岸明月何时照我还', '江南岸', '明月'],
  ['春风，又绿江', '春风，', '又'],
  ['東京に行きました', '東京', 'に'],
  ['ผมครับใจ', 'ผม', 'ครับ'],
  ['שלום ידע', 'שלום ', 'ידע'],
  ['مرحبا ولد', 'مرحبا ', 'ولد'],
  ['the cord', 'the co', 'cord'],
])('of %j, what comes after %j is the word %j, as its script divides words', async (text, before, word) => {
  expect(await reciting(`${text}\n`).suggest(before, { count: 1 })).toEqual([word]);
});
