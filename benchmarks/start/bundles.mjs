// Makes int8 bundles of published shapes, with random weights and made-up words, for measurements that depend on
// neither.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { initialParameters, languageModelConfig, languageModelStepGraph } from '@unroll/core';
import { trainTokenizer } from '@unroll/core/text';
import { buildBundle } from '@unroll/edge-runtime';
import { presets } from '../../packages/trainer/dist/training/language-model/presets.js';

const vocabSize = 10_000;
/** Makes words of about seven letters, the mean length of English words in a dictionary. */
const words = Array.from({ length: vocabSize - 2 }, (_, k) => `word${(k * 7919 + 1e4).toString(26)}`);

/** The preset gboard-cifg: a keyboard's model. */
export function writeKeyboardBundle(folder) {
  return writeBundle(folder, presets['gboard-cifg'].model);
}

/** The preset zaremba-medium on the Penn Treebank: LSTM 2×650. */
export function writePtbMediumBundle(folder) {
  return writeBundle(folder, presets['zaremba-medium'].model);
}

async function writeBundle(folder, model) {
  const tokenizer = trainTokenizer('word', words.join(' '), { vocabSize });
  const config = languageModelConfig({ vocabSize: tokenizer.vocabSize, ...model });
  const graph = languageModelStepGraph(config, initialParameters(config, { seed: 1 }));
  const tokenizerJson = tokenizer.toJSON();
  const files = await buildBundle({ graph, tokenizerJson, config: { ...config }, quantization: 'int8' });
  await Promise.all(Array.from(files, ([name, bytes]) => writeFile(join(folder, name), bytes)));
}
