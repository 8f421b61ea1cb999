// GPT-2 from a folder, compared with the textbook GPT-2 of the same random weights.
import { logSoftmax } from '@unroll/core/decoding';
import * as ortNode from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { folderOf } from '../testing/sample-bundle.js';
import { configOf, gpt2TokenizerJson, transformerFiles } from '../testing/transformer-folder.js';
import { type Gpt2Layout, gpt2Graph } from '../testing/transformer-graph.js';
import { referenceLogits } from '../testing/transformer-reference.js';
import { randomWeights, type TransformerShape } from '../testing/transformer-weights.js';
import type { LoadTransformerOptions } from './folder.js';
import { type Gpt2, loadGpt2 } from './gpt2.js';
import { PretrainedTokenizer } from './pretrained-tokenizer.js';

const tokenizerJson = gpt2TokenizerJson();
const tokenizer = new PretrainedTokenizer(tokenizerJson, 'gpt2');
const shape: TransformerShape = {
  kind: 'gpt2',
  vocabSize: tokenizer.vocabSize,
  positions: 128,
  dim: 12,
  heads: 3,
  layers: 2,
};
const weights = randomWeights(shape);
const endId = tokenizer.id('<|endoftext|>')!;
/** More tokens than are read at once, with characters of several bytes. */
const longText = `the river — ${'runs to the sea, '.repeat(14)}`;

async function load(
  layout: Gpt2Layout = 'model.onnx',
  config: Record<string, unknown> = {},
  options: LoadTransformerOptions = {},
): Promise<Gpt2> {
  const graph = gpt2Graph(shape, weights, layout);
  const contents = { config: { ...configOf(shape), ...config }, tokenizerJson, file: layout };
  await using folder = await folderOf(transformerFiles(graph, contents));
  return await loadGpt2(folder.path, options);
}

async function idsOf(stream: ReturnType<Gpt2['generate']>): Promise<number[]> {
  const ids = [];
  for await (const { id } of stream) ids.push(id);
  return ids;
}

/** The likeliest tokens after `prompt`, each computed by the textbook model from all tokens before it. */
function referenceGreedy(prompt: string, count: number): number[] {
  const ids = [endId, ...tokenizer.encode(prompt)];
  const start = ids.length;
  while (ids.length < start + count) {
    const scores = referenceLogits(shape, weights, ids).at(-1)!;
    ids.push(scores.indexOf(Math.max(...scores)));
  }
  return ids.slice(start);
}

function expectedScore(text: string): number[] {
  const ids = tokenizer.encode(text);
  const rows = referenceLogits(shape, weights, [endId, ...ids]);
  return ids.map((id, i) => logSoftmax(rows[i]!)[id]!);
}

describe.each(['model.onnx', 'decoder_model_merged.onnx'] as const)('GPT-2 exported as %s', (layout) => {
  test('scores each token of a long text as the textbook does', async () => {
    await using model = await load(layout);
    const { tokenLogProbabilities, logProbability, spans } = await model.score(longText);
    const expected = expectedScore(longText);
    expect(expected.length).toBeGreaterThan(64);
    expect(tokenLogProbabilities).toHaveLength(expected.length);
    for (const [i, value] of expected.entries()) expect(tokenLogProbabilities[i]).toBeCloseTo(value, 3);
    expect(logProbability).toBeCloseTo(
      expected.reduce((a, b) => a + b),
      2,
    );
    expect(spans.at(-1)![1]).toBe(longText.length);
  });

  test('writes the tokens that the textbook finds likeliest', async () => {
    await using model = await load(layout);
    const written = await idsOf(model.generate('the river', { temperature: 0, maxTokens: 10 }));
    expect(written).toEqual(referenceGreedy('the river', 10));
  });
});

test('spans are the parts of the text, including the name of a special token', async () => {
  await using model = await load();
  const text = 'the 🙂<|endoftext|> sea';
  const { spans, tokens } = await model.score(text);
  expect(spans).toHaveLength(tokens.length);
  const parts = spans.map(([start, end]) => text.slice(start, end));
  expect(parts.filter((part, k) => part !== parts[k - 1]).join('')).toBe(text);
  expect(parts[tokens.indexOf('<|endoftext|>')]).toBe('<|endoftext|>');
});

test('the texts that GPT-2 streams, joined, are the text of its tokens', async () => {
  await using model = await load();
  const ids = tokenizer.encode('the river');
  let written = '';
  for await (const { id, text } of model.generate('the river', { maxTokens: 20, seed: 3 })) {
    ids.push(id);
    written += text;
  }
  expect(`the river${written}`).toBe(tokenizer.decode(ids).replace(/\uFFFD+$/, ''));
});

test('GPT-2 stops before the token that ends the text', async () => {
  const greedy = referenceGreedy('the river', 4);
  await using model = await load('model.onnx', { eos_token_id: greedy[3] });
  const written = await idsOf(model.generate('the river', { temperature: 0, maxTokens: 10 }));
  expect(written).toEqual(greedy.slice(0, greedy.indexOf(greedy[3]!)));
});

test('GPT-2 scores the same in onnxruntime-node', async () => {
  await using model = await load('model.onnx', {}, { ort: ortNode });
  const { logProbability } = await model.score('the sea');
  expect(logProbability).toBeCloseTo(
    expectedScore('the sea').reduce((a, b) => a + b),
    3,
  );
});

test('GPT-2 refuses texts that are longer than its positions', async () => {
  await using model = await load();
  const text = 'é'.repeat(70);
  await expect(model.score(text)).rejects.toThrow(/^\d+ tokens, special ones included: the model reads at most 128/);
  await expect(idsOf(model.generate(text))).rejects.toThrow(RangeError);
});

test('an aborted signal ends scoring and writing with its reason', async () => {
  await using model = await load();
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(model.score('the sea', { signal })).rejects.toThrow('enough');
  await expect(idsOf(model.generate('the sea', { signal }))).rejects.toThrow('enough');
});

test('GPT-2 says that it was disposed of, and can be disposed of again', async () => {
  const model = await load();
  await model.dispose();
  await model.dispose();
  await expect(model.score('the sea')).rejects.toThrow('the language model was disposed of; load it again');
});
