// BERT from a folder, compared with the textbook BERT of the same random weights.
import { logSoftmax } from '@unroll/core/decoding';
import { expect, test } from 'vitest';
import { folderOf } from '../testing/sample-bundle.js';
import { bertTokenizerJson, configOf, transformerFiles } from '../testing/transformer-folder.js';
import { bertGraph } from '../testing/transformer-graph.js';
import { referenceLogits } from '../testing/transformer-reference.js';
import { randomWeights, type TransformerShape } from '../testing/transformer-weights.js';
import { type Bert, loadBert } from './bert.js';

const shape: TransformerShape = { kind: 'bert', vocabSize: 13, positions: 16, dim: 12, heads: 3, layers: 2 };
const weights = randomWeights(shape);
const [cls, sep, mask] = [2, 3, 4];

async function load(): Promise<Bert> {
  const contents = { config: configOf(shape), tokenizerJson: bertTokenizerJson(), file: 'model.onnx' };
  await using folder = await folderOf(transformerFiles(bertGraph(shape, weights), contents));
  return await loadBert(folder.path);
}

test('BERT scores each word piece, masked alone, as the textbook does', async () => {
  await using model = await load();
  const { tokens, tokenLogProbabilities, perplexity } = await model.score('Unrolled the cells!');
  expect(tokens).toEqual(['un', '##roll', '##ed', 'the', 'cell', '##s', '!']);
  const ids = [5, 6, 7, 8, 9, 10, 11];
  const expected = ids.map((id, i) => {
    const masked = [cls, ...ids.with(i, mask), sep];
    return logSoftmax(referenceLogits(shape, weights, masked)[i + 1]!)[id]!;
  });
  for (const [i, value] of expected.entries()) expect(tokenLogProbabilities[i]).toBeCloseTo(value, 4);
  expect(perplexity).toBeCloseTo(Math.exp(-expected.reduce((a, b) => a + b) / ids.length), 2);
});

test('BERT refuses texts that are longer than its positions', async () => {
  await using model = await load();
  await expect(model.score('the '.repeat(15))).rejects.toThrow(/^17 tokens, .* at most 16; shorten the text$/);
});
