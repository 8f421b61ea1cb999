import * as ortNode from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadLocalLanguageModel } from '../loading/load-local.js';
import { folderOf, sampleBundle } from '../testing/sample-bundle.js';
import type { LocalLanguageModel } from './local-language-model.js';

async function load(kind: 'word' | 'char' | 'bpe' = 'word'): Promise<LocalLanguageModel> {
  await using folder = await folderOf(await sampleBundle('int8', kind));
  return await loadLocalLanguageModel(folder.path);
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

describe.each(['word', 'char', 'bpe'] as const)('with a %s tokenizer', (kind) => {
  let model: LocalLanguageModel;
  beforeAll(async () => {
    model = await load(kind);
  });
  afterAll(() => model.dispose());

  test('the streamed texts, joined, are the text of the tokens', async () => {
    const tokens = await collect(model.generate('the river', { maxTokens: 30, seed: 3 }));
    const { tokenizer } = model;
    const ids = [tokenizer.eosId, ...tokenizer.encode('the river'), ...tokens.map(({ id }) => id)];
    const text = `\nthe river${tokens.map((token) => token.text).join('')}`;
    expect(tokens).toHaveLength(30);
    expect(text).toBe(tokenizer.decode(ids).replace(/\uFFFD+$/, ''));
  });

  test('the same seed writes the same tokens, another seed others', async () => {
    const write = (seed: number) => collect(model.generate('the', { maxTokens: 20, topK: 40, topP: 0.95, seed }));
    expect(await write(7)).toEqual(await write(7));
    expect(await write(7)).not.toEqual(await write(8));
  });

  test('suggestions begin with the typed text, are distinct words and as many as asked for', async () => {
    const suggestions = await model.suggest('the river th', { count: 3 });
    expect(suggestions.length).toBeGreaterThan(0);
    expect(suggestions.length).toBeLessThanOrEqual(3);
    expect(new Set(suggestions).size).toBe(suggestions.length);
    for (const word of suggestions) expect(word).toMatch(/^th\S*$/);
  });
});

describe('with a word tokenizer', () => {
  let model: LocalLanguageModel;
  beforeAll(async () => {
    model = await load();
  });
  afterAll(() => model.dispose());

  test('greedy text is the likeliest token each time', async () => {
    const tokens = await collect(model.generate('the river', { maxTokens: 8, temperature: 0 }));
    const ids = model.tokenizer.encode('the river');
    for (const { id } of tokens) {
      const { tokenLogProbabilities } = await model.scoreIds([...ids, id]);
      const others = await Promise.all([1, 50, 300].map((other) => model.scoreIds([...ids, other])));
      for (const other of others) {
        expect(tokenLogProbabilities.at(-1)!).toBeGreaterThanOrEqual(other.tokenLogProbabilities.at(-1)!);
      }
      ids.push(id);
    }
  });

  test('beam search finds a text at least as probable as the greedy one', async () => {
    const write = async (options: object) =>
      (await collect(model.generate('the', { maxTokens: 6, ...options }))).map(({ id }) => id);
    const probability = async (ids: number[]) =>
      (await model.scoreIds([...model.tokenizer.encode('the'), ...ids])).logProbability;
    const beam = await probability(await write({ beamWidth: 4 }));
    const greedy = await probability(await write({ temperature: 0 }));
    expect(beam).toBeGreaterThanOrEqual(greedy - 1e-9);
  });

  test('a prompt that ends in a space gets no second one', async () => {
    const [first] = await collect(model.generate('the ', { maxTokens: 1, temperature: 0 }));
    expect(first!.text).toBe(first!.token);
  });

  test('the probabilities of all next tokens sum to one', async () => {
    const scores = await Promise.all(
      Array.from({ length: model.tokenizer.vocabSize }, (_, id) => model.scoreIds([5, id])),
    );
    const sum = scores.reduce((total, { tokenLogProbabilities }) => total + Math.exp(tokenLogProbabilities[1]!), 0);
    expect(sum).toBeCloseTo(1, 9);
  });

  test('the log-probabilities of a long text arrive one by one, the same as those of its score', async () => {
    const ids = model.tokenizer.encode('the river word1 word2');
    const streamed: number[] = [];
    for await (const logProbability of model.logProbabilities(ids)) streamed.push(logProbability);
    expect(streamed).toEqual((await model.scoreIds(ids)).tokenLogProbabilities);
  });

  test('perplexity is the inverse geometric mean of the token probabilities', async () => {
    const { tokens, tokenLogProbabilities, logProbability, perplexity } = await model.score('the river word1 word2');
    expect(tokens).toEqual(['the', 'river', 'word1', 'word2']);
    expect(tokenLogProbabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(logProbability, 12);
    expect(perplexity).toBeCloseTo(Math.exp(-logProbability / 4), 9);
  });

  test('a token id outside the vocabulary is refused', async () => {
    await expect(model.scoreIds([1, 402])).rejects.toThrow('id 402: the model');
  });

  test('a typed capital prefers words that are written with one', async () => {
    expect(await model.suggest('river The')).toEqual(['The']);
    expect(await model.suggest('river RIV')).toEqual(['river']);
  });

  test('after a space the next word is suggested, likeliest first, and never a special token', async () => {
    const suggestions = await model.suggest('the river ', { count: 400 });
    expect(suggestions).toHaveLength(400);
    expect(suggestions).not.toContain('<unk>');
    expect(suggestions).not.toContain('<eos>');
    const scores = await Promise.all(
      suggestions.slice(0, 3).map(async (word) => (await model.score(`the river ${word}`)).logProbability),
    );
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  });

  test('suggestions after a state are those after its text; an abort ends them with its reason', async () => {
    const expected = await model.suggest('the river word1 word2 ');
    const state = await model.read('the river word1 ');
    expect(await model.suggest('word2 ', { state })).toEqual(expected);
    expect(await model.suggest('word2 ')).not.toEqual(expected);
    expect(await model.suggest('the river word1 word2 ', { signal: new AbortController().signal })).toEqual(expected);
    const controller = new AbortController();
    const aborted = model.suggest('the river '.repeat(200), { signal: controller.signal });
    const shared = model.suggest('the river '.repeat(200), { count: 1 });
    controller.abort(new Error('typed on'));
    await expect(aborted).rejects.toThrow('typed on');
    expect(await shared).toHaveLength(1);
  });

  test('suggestions do not depend on what was typed before', async () => {
    await using fresh = await load();
    await model.suggest('word1 word2 word3 ');
    await model.suggest('word1 word9 ');
    expect(await model.suggest('word1 word2 ')).toEqual(await fresh.suggest('word1 word2 '));
  });

  test('an abort ends the stream with its reason', async () => {
    const controller = new AbortController();
    const stream = model.generate('the', { maxTokens: 1000, signal: controller.signal });
    await stream.next();
    controller.abort(new Error('enough'));
    await expect(collect(stream)).rejects.toThrow('enough');
  });
});

test.each([
  ['none', 3],
  ['int8', 3],
  ['int4', 1],
] as const)(
  'onnxruntime-node runs the same %s bundle to the same scores, to %i decimals',
  async (quantization, decimals) => {
    await using folder = await folderOf(await sampleBundle(quantization));
    await using native = await loadLocalLanguageModel(folder.path, { ort: ortNode });
    await using wasm = await loadLocalLanguageModel(folder.path);
    const text = 'the river word3 then there';
    expect((await native.score(text)).logProbability).toBeCloseTo((await wasm.score(text)).logProbability, decimals);
  },
);

test('a tokenizer of another size than the model is refused', async () => {
  const [words, characters] = [await sampleBundle('int8', 'word'), await sampleBundle('int8', 'char')];
  const manifest = JSON.parse(new TextDecoder().decode(words.get('manifest.json')));
  const other = JSON.parse(new TextDecoder().decode(characters.get('manifest.json')));
  manifest.files['tokenizer.json.z'] = other.files['tokenizer.json.z'];
  words.set('manifest.json', new TextEncoder().encode(JSON.stringify(manifest)));
  words.set('tokenizer.json.z', characters.get('tokenizer.json.z')!);
  await using folder = await folderOf(words);
  await expect(loadLocalLanguageModel(folder.path)).rejects.toThrow(/its tokenizer has \d+ tokens, the model 402/);
});
