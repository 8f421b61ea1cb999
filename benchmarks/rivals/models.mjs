// Makes the models for the engines, with random weights, as speed and size do not depend on them: a language model of
// PTB medium's size (LSTM 2×650, 10,000 words) as a bundle and as TensorFlow.js's saved layers, and a small GPT-2 in
// Hugging Face's layout.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { initialParameters, languageModelConfig, languageModelStepGraph, parameterShapes } from '@unroll/core';
import { trainTokenizer } from '@unroll/core/text';
import { buildBundle } from '@unroll/edge-runtime';
import {
  configOf,
  gpt2TokenizerJson,
  transformerFiles,
} from '../../packages/edge-runtime/dist/testing/transformer-folder.js';
import { gpt2Graph } from '../../packages/edge-runtime/dist/testing/transformer-graph.js';
import { randomWeights } from '../../packages/edge-runtime/dist/testing/transformer-weights.js';

const words = Array.from({ length: 9_998 }, (_, k) => `word${k}`).join(' ');
const tokenizer = trainTokenizer('word', words, { vocabSize: 10_000 });
const { vocabSize } = tokenizer;
const config = languageModelConfig({ vocabSize, embeddingDim: 650, hiddenDim: 650, layers: 2, cell: 'lstm' });
const parameters = initialParameters(config, { seed: 1 });

/** Writes the folders `none`, `int8` and `layers`; returns the id from which each generates. */
export async function writeLstm(site) {
  const graph = languageModelStepGraph(config, parameters);
  for (const quantization of ['none', 'int8']) {
    const tokenizerJson = tokenizer.toJSON();
    await write(site, quantization, await buildBundle({ graph, tokenizerJson, config: { ...config }, quantization }));
  }
  await write(site, 'layers', await savedLayers());
  return tokenizer.eosId;
}

/** Returns `model.json` and the weights of a stateful model of TensorFlow.js's own layers. */
async function savedLayers() {
  const { layers } = tf;
  // Initial values that are quick to make; the weights are set below.
  const starts = { kernelInitializer: 'zeros', recurrentInitializer: 'zeros' };
  const lstm = (returnSequences) =>
    layers.lstm({ units: 650, stateful: true, returnSequences, recurrentActivation: 'sigmoid', ...starts });
  const model = tf.sequential({
    layers: [
      layers.embedding({ inputDim: vocabSize, outputDim: 650, batchInputShape: [1, 1] }),
      ...[lstm(true), lstm(false)],
      layers.dense({ units: vocabSize }),
    ],
  });
  const shapes = parameterShapes(config);
  const lstmNames = [0, 1].flatMap((k) => ['kernel', 'recurrent_kernel', 'bias'].map((name) => `lstm.${k}.${name}`));
  const names = ['embedding.embeddings', ...lstmNames, 'output.kernel', 'output.bias'];
  model.setWeights(names.map((name) => tf.tensor(parameters[name], shapes[name])));
  const { modelTopology, weightSpecs, weightData } = await new Promise((resolve) => {
    model.save(tf.io.withSaveHandler(async (artifacts) => resolve(artifacts)));
  });
  const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
  return new Map([
    ['model.json', JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest })],
    ['weights.bin', new Uint8Array(weightData)],
  ]);
}

/** Writes the folder `gpt2`: 6 layers of 384, 6 heads; returns the id from which it generates. */
export async function writeGpt2(site) {
  const tokenizerJson = gpt2TokenizerJson();
  const vocabSize = Object.keys(tokenizerJson.model.vocab).length;
  const shape = { kind: 'gpt2', vocabSize, positions: 256, dim: 384, heads: 6, layers: 6 };
  const weights = randomWeights(shape);
  // The end of a text has score zero: it is never the likeliest, and all engines generate as many tokens as requested.
  weights.token.values.fill(0, (vocabSize - 1) * shape.dim);
  const graph = gpt2Graph(shape, weights, 'model.onnx');
  const files = transformerFiles(graph, { config: configOf(shape), tokenizerJson, file: 'onnx/model.onnx' });
  await write(site, 'gpt2', files.set('tokenizer_config.json', '{ "tokenizer_class": "GPT2Tokenizer" }'));
  return vocabSize - 1;
}

async function write(site, name, files) {
  for (const [file, contents] of files) {
    const path = join(site, name, file);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, contents);
  }
}
