import { initialParameters, languageModelConfig, languageModelStepGraph, parameterShapes } from '@unroll/core';
import { trainTokenizer } from '@unroll/core/text';
import { buildBundle, chooseByRule } from '@unroll/edge-runtime';
import { expect, test } from 'vitest';
import { parseTrainingConfig } from '../../configuration/config.js';
import { parameterCount } from '../parameter-count.js';
import { presetNames, presets } from './presets.js';

test.each(presetNames)('the preset %s is a configuration that its own checks accept', (name) => {
  expect(parseTrainingConfig(presets[name])).toEqual(presets[name]);
});

/** 10,000 tokens of seven letters or a few more, the mean length of English words in a dictionary. */
const words = Array.from({ length: 9998 }, (_, k) => `word${(k * 7919 + 1e4).toString(26)}`).join(' ');

test('gboard-cifg has the 1.4 million parameters of the published keyboard model, in an int8 bundle of at most 1.6 MB', async () => {
  const { model, tokenizer: kind, vocabulary } = presets['gboard-cifg'];
  const tokenizer = trainTokenizer(kind, words, { vocabSize: vocabulary });
  const config = languageModelConfig({ vocabSize: tokenizer.vocabSize, ...model });
  expect(config.vocabSize).toBe(10_000);
  const count = parameterCount(parameterShapes(config));
  expect(count / 1e6).toBeCloseTo(1.4, 1);

  const graph = languageModelStepGraph(config, initialParameters(config, { seed: 1 }));
  const files = await buildBundle({
    graph,
    tokenizerJson: tokenizer.toJSON(),
    config: { ...config },
    target: 'wasm',
    quantization: 'int8',
    choices: chooseByRule(graph, 'int8', 'wasm'),
  });
  const bytes = [...files.values()].reduce((sum, { length }) => sum + length, 0);
  expect(bytes).toBeLessThanOrEqual(1.6e6);
});
