// Models made by Keras 3, with its results: golden vectors of scripts/golden/make_keras.py, in the format of
// TensorFlow.js's converter.

import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Values } from '../testing/onnx-runtime.js';
import { loadLayersModel } from './load-layers-model.js';

interface KerasModel {
  readonly name: string;
  readonly topology: object;
  readonly weights: readonly (Values & { readonly name: string })[];
  /** Whether its inputs are ids rather than numbers. */
  readonly ids: boolean;
  readonly inputs: readonly Values[];
  readonly output: Values;
}

const golden = new URL('../testing/golden/keras-3.jsonl', import.meta.url);
const models = readFileSync(golden, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as KerasModel);

const refused: Readonly<Record<string, RegExp>> = {
  slope:
    /layer '\w+' \(ReLU\) has negative_slope=0\.2.*, which TensorFlow\.js does not follow; save the model without it/,
  'root mean square': /layer '\w+' \(LayerNormalization\) has rms_scaling=true/,
  groups: /layer '\w+' \(Conv1D\) has groups=2/,
  'leaky activation': /^loadLayersModel: Unknown activation: leakyRelu\.$/,
  'called in training': /layer 'dropout' is called with training=true/,
};

function load({ topology, weights }: KerasModel): Promise<tf.LayersModel> {
  const weightSpecs = weights.map(({ name, shape }) => ({ name, shape: [...shape], dtype: 'float32' as const }));
  const weightData = Float32Array.from(weights.flatMap(({ values }) => values)).buffer;
  return loadLayersModel(tf.io.fromMemory({ modelTopology: topology, weightSpecs, weightData }));
}

async function predicted(model: tf.LayersModel, { inputs, ids }: KerasModel): Promise<Float32Array> {
  const tensors = inputs.map(({ values, shape }) => tf.tensor([...values], [...shape], ids ? 'int32' : 'float32'));
  const output = model.predict(tensors.length > 1 ? tensors : tensors[0]!) as tf.Tensor;
  return (await output.data()) as Float32Array;
}

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('a model of Keras 3', () => {
  test.each(models.filter(({ name }) => !(name in refused)).map((each) => [each.name, each] as const))(
    'computes what Keras computes: %s',
    async (_, golden) => {
      const values = await predicted(await load(golden), golden);
      expect(values).toHaveLength(golden.output.values.length);
      const furthest = Math.max(...golden.output.values.map((value, k) => Math.abs(value - values[k]!)));
      expect(furthest).toBeLessThan(1e-5);
    },
  );

  test.each(models.filter(({ name }) => name in refused).map((each) => [each.name, each] as const))(
    'with a feature that TensorFlow.js lacks is refused: %s',
    async (name, golden) => {
      await expect(load(golden)).rejects.toThrow(refused[name]);
    },
  );

  test('is saved again and computes the same', async () => {
    for (const name of ['lstm, hard sigmoid', 'masked, bidirectional']) {
      const golden = models.find((each) => each.name === name)!;
      const model = await load(golden);
      let saved: tf.io.ModelArtifacts | undefined;
      await model.save(
        tf.io.withSaveHandler(async (artifacts) => {
          saved = structuredClone(artifacts);
          return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
        }),
      );
      const again = await loadLayersModel(tf.io.fromMemory(saved!));
      expect(await predicted(again, golden)).toEqual(await predicted(model, golden));
    }
  });
});

test('a description of Keras 2 keeps its own hard sigmoid', async () => {
  const golden = models.find(({ name }) => name === 'hard sigmoid')!;
  const older = await load({
    ...golden,
    topology: JSON.parse(
      JSON.stringify(golden.topology).replaceAll('batch_shape', 'batch_input_shape').replace('"3.', '"2.'),
    ),
  });
  const linear = golden.inputs[0]!.values.slice(0, 4);
  const [kernel, bias] = [
    golden.weights.find(({ name }) => name.endsWith('kernel'))!.values,
    golden.weights.find(({ name }) => name.endsWith('bias'))!.values,
  ];
  const sum = linear.reduce((total, value, k) => total + value * kernel[3 * k]!, bias[0]!);
  const [first] = await predicted(older, golden);
  expect(first).toBeCloseTo(Math.min(1, Math.max(0, 0.2 * sum + 0.5)), 5);
});

test('an address from which nothing can be loaded is named', async () => {
  await expect(loadLayersModel('nowhere/model.json')).rejects.toThrow(
    /^loadLayersModel: nowhere\/model\.json cannot be loaded \(.*\); give the URL of a model\.json, or a handler of tf\.io$/,
  );
});
