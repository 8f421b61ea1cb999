import { readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { loadLayersModel } from '@unroll/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../testing/unroll-process.js';
import { modelFolder } from './model-folder.js';

const root = temporaryFolder();
afterAll(() => root[Symbol.dispose]());
beforeAll(async () => {
  await tf.setBackend('cpu');
});

const at = (name: string) => join(root.path, name);
const inputs = tf.tensor([[0, 1, 2, 3]]);

function tagger(units: number): tf.LayersModel {
  const embedding = tf.layers.embedding({ inputDim: 4, outputDim: 3, inputShape: [4] });
  return tf.sequential({ layers: [embedding, tf.layers.lstm({ units }), tf.layers.dense({ units: 2 })] });
}

const outputs = async (model: tf.LayersModel) => [...(await (model.predict(inputs) as tf.Tensor).data())];

test('a model that was saved in a folder is loaded from it, by TensorFlow.js and by our loader', async () => {
  await tagger(2).save(modelFolder(at('model')));
  const model = tagger(5);
  await model.save(modelFolder(at('model')));
  expect(readdirSync(at('model')).toSorted()).toEqual(['model.json', 'weights.bin']);
  const expected = await outputs(model);
  expect(await outputs(await tf.loadLayersModel(modelFolder(at('model'))))).toEqual(expected);
  const ours = await outputs(await loadLayersModel(modelFolder(at('model'))));
  for (const [k, value] of ours.entries()) expect(value).toBeCloseTo(expected[k]!, 5);
});

test('a compiled model keeps its loss', async () => {
  const model = tagger(2);
  model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
  await model.save(modelFolder(at('compiled')), { includeOptimizer: true });
  const loaded = await tf.loadLayersModel(modelFolder(at('compiled')));
  expect(loaded.loss).toBe('meanSquaredError');
});

test('what is not a saved model is named, and what would be lost is kept', async () => {
  await expect(tf.loadLayersModel(modelFolder(at('none')))).rejects.toThrow(
    `${at('none')}/model.json: cannot be read (ENOENT); give a folder of model.save`,
  );
  await tagger(2).save(modelFolder(at('broken')));
  truncateSync(join(at('broken'), 'model.json'), 20);
  await expect(tf.loadLayersModel(modelFolder(at('broken')))).rejects.toThrow('is not a model of TensorFlow.js');
  writeFileSync(at('broken/notes.txt'), 'mine');
  await expect(tagger(2).save(modelFolder(at('broken')))).rejects.toThrow('would be lost; choose another folder');
});
