// A model that TensorFlow.js makes, saves and predicts with gives the same probabilities after import.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { initializers, type LayersModel, layers, sequential } from '@tensorflow/tfjs-layers';
import { afterAll, expect, test } from 'vitest';
import { committedFiles } from '../testing/foreign-models/files.js';
import { textLoss } from '../testing/foreign-models/text-loss.js';
import { temporaryFolder } from '../testing/unroll-process.js';
import { readForeignModel } from './import-model.js';
import { readVocabulary } from './vocabulary-file.js';

const root = temporaryFolder();
// Otherwise the backend recommends other packages on stderr.
tf.enableProdMode();
afterAll(() => root[Symbol.dispose]());
const vocab = join(committedFiles, 'words.txt');

function languageModel(recurrentActivation: 'sigmoid' | 'hardSigmoid'): LayersModel {
  const uniform = (seed: number) => initializers.randomUniform({ minval: -0.7, maxval: 0.7, seed });
  const lstm = (seed: number) =>
    layers.lstm({
      ...{
        units: 5,
        returnSequences: true,
        recurrentActivation,
        biasInitializer: uniform(seed),
        unitForgetBias: false,
      },
      ...{ kernelInitializer: uniform(seed + 1), recurrentInitializer: uniform(seed + 2) },
    });
  return sequential({
    layers: [
      layers.embedding({
        inputDim: 12,
        outputDim: 6,
        embeddingsInitializer: uniform(1),
        inputShape: [null],
      }),
      lstm(2),
      layers.dropout({ rate: 0.3 }),
      lstm(5),
      layers.dense({ units: 12, activation: 'softmax', kernelInitializer: uniform(8), biasInitializer: uniform(9) }),
    ],
  });
}

/** Writes the same two files as the file handler in TensorFlow.js's package for Node. */
async function save(model: LayersModel, name: string): Promise<string> {
  const folder = join(root.path, name);
  mkdirSync(folder);
  const handler = tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData, format }) => {
    writeFileSync(join(folder, 'weights.bin'), Buffer.from(weightData as ArrayBuffer));
    const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
    writeFileSync(join(folder, 'model.json'), JSON.stringify({ format, modelTopology, weightsManifest }));
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
  });
  await model.save(handler);
  return join(folder, 'model.json');
}

/** Returns the model's own loss on the text, in nats per token. */
function ownLoss(model: LayersModel): number {
  const tokenizer = readVocabulary(vocab);
  const ids = tokenizer.encode(readFileSync(join(committedFiles, 'text.txt'), 'utf8'));
  const inputs = tf.tensor2d([[tokenizer.eosId, ...ids.slice(0, -1)]]);
  const probabilities = (model.predict(inputs) as tf.Tensor3D).arraySync()[0]!;
  return ids.reduce((sum, id, step) => sum - Math.log(probabilities[step]![id]!), 0) / ids.length;
}

const importFile = (file: string) => readForeignModel({ from: 'tfjs', file, vocab }, new AbortController().signal);

test('a model of TensorFlow.js has, imported, the loss that it computes itself', async () => {
  const model = languageModel('sigmoid');
  const { checkpoint } = await importFile(await save(model, 'lstm'));
  expect(checkpoint.config).toMatchObject({ cell: 'lstm', layers: 2, recurrentBias: false });
  expect(await textLoss(checkpoint)).toBeCloseTo(ownLoss(model), 5);
});

test("TensorFlow.js's default gates, which are not sigmoids, are refused by name", async () => {
  const file = await save(languageModel('hardSigmoid'), 'hard');
  await expect(importFile(file)).rejects.toThrow(/has recurrent_activation="hard_sigmoid", which is not supported/);
});

test('weights that are cut off, absent or elsewhere are refused by name', async () => {
  const file = await save(languageModel('sigmoid'), 'broken');
  const weights = join(root.path, 'broken', 'weights.bin');
  const whole = readFileSync(weights);
  for (const wrong of [whole.subarray(0, 100), whole.subarray(0, -4), Buffer.concat([whole, Buffer.alloc(4)])]) {
    writeFileSync(weights, wrong);
    const message = `${weights} (${wrong.length} bytes): holds ${wrong.length} bytes, the weights in ${file} take ${whole.length}`;
    await expect(importFile(file)).rejects.toMatchObject({
      name: 'UnrollError',
      message: expect.stringContaining(message),
    });
  }
  const elsewhere = readFileSync(file, 'utf8').replace('weights.bin', '../../secrets.bin');
  writeFileSync(file, elsewhere);
  await expect(importFile(file)).rejects.toThrow(/must be a file beside model\.json/);
  writeFileSync(file, elsewhere.replace('../../secrets.bin', 'absent.bin'));
  await expect(importFile(file)).rejects.toThrow(/absent\.bin: does not exist/);
  writeFileSync(file, elsewhere.replace('["../../secrets.bin"]', '["a.bin", "a.bin"]'));
  await expect(importFile(file)).rejects.toThrow(/model\.json: lists a\.bin twice/);
});

test('another format than a layers model is refused, whatever its topology', async () => {
  const file = join(root.path, 'graph.json');
  writeFileSync(file, JSON.stringify({ modelTopology: { node: [] }, weightsManifest: [] }));
  await expect(importFile(file)).rejects.toThrow(/describes no Sequential or Functional model/);
  const layersModel = await save(languageModel('sigmoid'), 'format');
  const description = readFileSync(layersModel, 'utf8');
  for (const format of ['graph-model', null]) {
    writeFileSync(layersModel, JSON.stringify({ ...JSON.parse(description), format }));
    await expect(importFile(layersModel)).rejects.toThrow(/is not a layers model .*\(format: is not "layers-model"\)/);
  }
});
