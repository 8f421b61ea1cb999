import { beforeAll, describe, expect, test } from 'vitest';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { runGraph, type Values } from '../testing/onnx-runtime.js';
import { expectClose, spread } from '../testing/textbook.js';
import { initialParameters } from './initial-parameters.js';
import { languageModelConfig, parameterShapes } from './language-model-config.js';
import { languageModelStepGraph } from './language-model-programs.js';
import { languageModelReadingGraph, readingProgram } from './language-model-reading.js';

const ids = [3, 1, 4, 1, 5, 9, 2, 6, 5];
const sizes = { vocabSize: 11, embeddingDim: 4, hiddenDim: 6, layers: 2 };

beforeAll(() => tf.setBackend('cpu'));

describe.each([
  ['mingru, untied', languageModelConfig({ ...sizes, cell: 'mingru' })],
  ['mingru, tied', languageModelConfig({ ...sizes, cell: 'mingru', embeddingDim: 6, tieWeights: true })],
  ['minlstm, untied', languageModelConfig({ ...sizes, cell: 'minlstm' })],
] as const)('a model of two layers of %s', (_, config) => {
  const parameters = initialParameters(config, { seed: 1, range: 1 });
  const states = Object.fromEntries(
    [0, 1].map((layer) => [`h.${layer}`, { shape: [1, sizes.hiddenDim], values: spread(sizes.hiddenDim, layer) }]),
  );
  const idsOf = (tokens: readonly number[]): Values => ({ shape: [tokens.length], values: tokens, dtype: 'int32' });

  test('reads text in one run as the decoding step reads it token by token', async () => {
    const step = languageModelStepGraph(config, parameters);
    let state: Record<string, Values> = states;
    const logits: number[] = [];
    for (const id of ids) {
      const outputs = await runGraph(step, { ...state, ids: idsOf([id]) });
      logits.push(...outputs.logits!);
      state = Object.fromEntries(
        Object.keys(states).map((name) => [name, { shape: [1, sizes.hiddenDim], values: outputs[`next.${name}`]! }]),
      );
    }
    const reading = languageModelReadingGraph(config, parameters);
    const read = await runGraph(reading, { ...states, ids: idsOf(ids) });
    expectClose(read.logits!, logits, 1e-5);
    for (const name of Object.keys(states)) expectClose(read[`next.${name}`]!, [...state[name]!.values], 1e-5);

    const one = await runGraph(reading, { ...states, ids: idsOf(ids.slice(0, 1)) });
    expectClose(one.logits!, logits.slice(0, sizes.vocabSize), 1e-5);
  });

  test('reads the same op by op on a backend of TensorFlow.js', async () => {
    const shapes = parameterShapes(config);
    const weights = Object.entries(parameters).map(([name, values]) => [name, tf.tensor(values, [...shapes[name]!])]);
    const inputs = {
      ...Object.fromEntries(weights),
      ...Object.fromEntries(
        Object.entries(states).map(([name, { shape, values }]) => [name, tf.tensor(values, shape)]),
      ),
      ids: tf.tensor1d(ids, 'int32'),
    };
    const outputs = tf.tidy(() => readingProgram(config, ids.length).run(inputs));
    const read = await runGraph(languageModelReadingGraph(config, parameters), { ...states, ids: idsOf(ids) });
    for (const [name, tensor] of Object.entries(outputs)) expectClose([...tensor.dataSync()], read[name]!, 1e-5);
    tf.dispose([inputs, outputs]);
  });

  test('is a graph with one node of linear attention for each layer and any number of tokens', () => {
    const { nodes, inputs, outputs } = languageModelReadingGraph(config, parameters);
    expect(nodes.filter(({ opType }) => opType === 'LinearAttention')).toHaveLength(config.layers);
    expect(inputs.find(({ name }) => name === 'ids')?.shape).toEqual(['tokens']);
    expect(outputs.find(({ name }) => name === 'logits')?.shape).toEqual(['tokens', sizes.vocabSize]);
  });
});

test('a cell whose gates see the state cannot read many tokens at once', () => {
  expect(() => readingProgram(languageModelConfig({ ...sizes, cell: 'gru' }), 3)).toThrow(
    'a gru reads one token after another',
  );
});
