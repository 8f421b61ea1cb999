import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readGolden } from '../testing/golden.js';
import { loadLayersModel } from './load-layers-model.js';

const [batch, time, features, units] = [3, 5, 4, 2];

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** The artifacts that `save` writes. */
async function saved(model: tf.LayersModel): Promise<tf.io.ModelArtifacts> {
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (each) => {
      artifacts = each;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  return structuredClone(artifacts!);
}

const predict = (model: tf.LayersModel, x: tf.Tensor) => [...(model.predict(x) as tf.Tensor).dataSync()];

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, k) => {
    expect(Math.abs(value - expected[k]!)).toBeLessThan(1e-5);
  });
}

const { layers } = tf;
const inputShape = [time, features];
const sequences = () => tf.randomUniform([batch, time, features], -1, 1, 'float32', 1);
const ids = () => tf.tensor2d([1, 2, 3, 4, 0, 2, 2, 0, 0, 0, 4, 1, 1, 2, 3], [batch, time], 'int32');

const models: Record<string, { layers: tf.layers.Layer[]; x: () => tf.Tensor; replaced: string[] }> = {
  simpleRNN: { layers: [layers.simpleRNN({ units, inputShape })], x: sequences, replaced: ['UnrollSimpleRNN'] },
  lstm: {
    layers: [layers.lstm({ units, inputShape, returnSequences: true, unitForgetBias: true }), layers.lstm({ units })],
    x: sequences,
    replaced: ['UnrollLSTM', 'UnrollLSTM'],
  },
  gru: {
    layers: [layers.gru({ units, inputShape, goBackwards: true, recurrentActivation: 'sigmoid' })],
    x: sequences,
    replaced: ['UnrollGRU'],
  },
  'embedding, masked, and bidirectional': {
    layers: [
      layers.embedding({ inputDim: 5, outputDim: 3, maskZero: true, inputLength: time }),
      layers.bidirectional({ layer: layers.lstm({ units }) as tf.RNN, mergeMode: 'concat' }),
    ],
    x: ids,
    replaced: ['UnrollEmbedding', 'UnrollBidirectional'],
  },
};

describe.each(Object.entries(models))('a model that TensorFlow.js saved: %s', (_, { layers: stack, x, replaced }) => {
  const original = tf.sequential({ layers: [...stack, layers.dense({ units: 1, activation: 'sigmoid' })] });
  const weights = original.getWeights().map(({ shape }, k) => tf.randomUniform(shape, -1, 1, 'float32', k));
  original.setWeights(weights);

  test('computes the same with our layers', async () => {
    const loaded = await loadLayersModel(tf.io.fromMemory(await saved(original)));
    expect(loaded.layers.map((layer) => layer.getClassName())).toEqual([...replaced, 'Dense']);
    expectClose(predict(loaded, x()), predict(original, x()));
  });

  test('trains with fit and is saved again', async () => {
    const loaded = await loadLayersModel(tf.io.fromMemory(await saved(original)));
    loaded.compile({ optimizer: tf.train.adam(0.05), loss: 'meanSquaredError' });
    const labels = tf.tensor2d([1, 0, 1], [batch, 1]);
    const { history } = await loaded.fit(x(), labels, { epochs: 5, shuffle: false, verbose: 0 });
    const losses = history.loss as number[];
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    const again = await tf.loadLayersModel(tf.io.fromMemory(await saved(loaded)));
    expect(predict(again, x())).toEqual(predict(loaded, x()));
  });
});

test('a functional model, whose decoder starts from its encoder’s states, computes the same with our layers', async () => {
  const source = tf.input({ shape: [time, features] });
  const target = tf.input({ shape: [time] });
  const encoder = layers.lstm({ units, returnState: true });
  const [, ...states] = encoder.apply(source) as tf.SymbolicTensor[];
  const words = layers.embedding({ inputDim: 5, outputDim: 3 }).apply(target) as tf.SymbolicTensor;
  const decoder = layers.lstm({ units, returnSequences: true });
  const decoded = decoder.apply(words, { initialState: states }) as tf.SymbolicTensor;
  const outputs = layers.dense({ units: 5, activation: 'softmax' }).apply(decoded) as tf.SymbolicTensor;
  const original = tf.model({ inputs: [source, target], outputs });
  original.setWeights(original.getWeights().map(({ shape }, k) => tf.randomUniform(shape, -1, 1, 'float32', k)));
  const loaded = await loadLayersModel(tf.io.fromMemory(await saved(original)));
  const classes = loaded.layers.map((layer) => layer.getClassName());
  expect(classes.filter((name) => name.startsWith('Unroll')).sort()).toEqual([
    ...['UnrollEmbedding', 'UnrollLSTM', 'UnrollLSTM'],
  ]);
  const predicted = (model: tf.LayersModel) => [...(model.predict([sequences(), ids()]) as tf.Tensor).dataSync()];
  expectClose(predicted(loaded), predicted(original));
});

test('weights that do not fit their description are named, with their layer and both shapes', async () => {
  const model = (width: number) =>
    tf.sequential({ layers: [layers.lstm({ name: 'memory', units: width, inputShape }), layers.dense({ units: 1 })] });
  const { weightSpecs, weightData } = await saved(model(3));
  const { modelTopology } = await saved(model(units));
  const artifacts = { modelTopology, weightSpecs: weightSpecs!, weightData: weightData! };
  await expect(loadLayersModel(tf.io.fromMemory(artifacts))).rejects.toThrow(
    /^loadLayersModel: tensor 'memory\/kernel' is \[4,12\], layer 'memory' needs \[4,8\]; save .* together$/,
  );
});

describe('a backward layer of a Bidirectional, which TensorFlow.js does not read,', () => {
  /** In Keras 3's form, where the two layers have different names. */
  async function loaded(backward: object): Promise<tf.LayersModel> {
    const layer = layers.lstm({ units, kernelInitializer: 'ones' }) as tf.RNN;
    const wrapper = layers.bidirectional({ name: 'both', layer, mergeMode: 'concat', inputShape });
    const artifacts = await saved(tf.sequential({ layers: [wrapper] }));
    const topology = artifacts.modelTopology as { config: { layers: { config: Record<string, unknown> }[] } };
    const { config } = topology.config.layers[0]!;
    const description = config.layer as { class_name: string; config: object };
    const copy = { ...description.config, name: 'backward_lstm', go_backwards: true, ...backward };
    config.backward_layer = { ...description, module: 'keras.layers', config: copy };
    return loadLayersModel(tf.io.fromMemory(artifacts));
  }

  test('is accepted if it mirrors the forward layer', async () => {
    expect((await loaded({})).outputShape).toEqual([null, 2 * units]);
  });

  test.each([
    ['units', { units: 7 }],
    ['go_backwards', { go_backwards: false }],
    ['kernel_initializer.class_name', { kernel_initializer: { class_name: 'Zeros', config: {} } }],
  ])('is refused if its %s is another', async (option, backward) => {
    await expect(loaded(backward)).rejects.toThrow(
      `Bidirectional 'both': backward_layer.${option} is not the forward layer's`,
    );
  });
});

describe('a GRU of Keras that resets after', () => {
  const { inputDim, hiddenDim, cases } = readGolden('gru');
  const golden = cases[0]!; // one layer, one direction, starting from zeros
  const [goldenTime, goldenBatch] = golden.x.shape;

  /** PyTorch's weights [3·units, in], gates r, z, n, in Keras's layout: [in, 3·units], gates z, r, n. */
  function kerasWeights(): Record<string, tf.Tensor> {
    const read = (name: string) => {
      const { shape, values } = golden.parameters[`${name}_l0`]!;
      const [r, z, n] = tf.split(tf.tensor([...values], [...shape]), 3, 0);
      return tf.concat([z!, r!, n!], 0);
    };
    return {
      'gru/gru_cell/kernel': tf.transpose(read('weight_ih')),
      'gru/gru_cell/recurrent_kernel': tf.transpose(read('weight_hh')),
      'gru/gru_cell/bias': tf.stack([read('bias_ih'), read('bias_hh')]),
    };
  }

  /** A model of Keras 2 as TensorFlow.js's converter writes it. */
  async function kerasModel(options: object = {}): Promise<tf.io.ModelArtifacts> {
    const weights = await tf.io.encodeWeights(kerasWeights());
    const config = {
      ...{ name: 'gru', trainable: true, dtype: 'float32', batch_input_shape: [null, goldenTime, inputDim] },
      ...{ return_sequences: true, return_state: false, go_backwards: false, stateful: false, unroll: false },
      ...{ time_major: false, units: hiddenDim, activation: 'tanh', recurrent_activation: 'sigmoid', use_bias: true },
      kernel_initializer: { class_name: 'GlorotUniform', config: { seed: null } },
      recurrent_initializer: { class_name: 'Orthogonal', config: { gain: 1, seed: null } },
      bias_initializer: { class_name: 'Zeros', config: {} },
      ...{ kernel_regularizer: null, activity_regularizer: null, bias_constraint: null, dropout: 0 },
      ...{ recurrent_dropout: 0, implementation: 2, reset_after: true, ...options },
    };
    const topology = { class_name: 'Sequential', config: { name: 'tagger', layers: [{ class_name: 'GRU', config }] } };
    return {
      modelTopology: { keras_version: '2.11.0', backend: 'tensorflow', model_config: topology },
      weightSpecs: weights.specs,
      weightData: weights.data,
    };
  }

  let server: Server;
  let url: string;

  beforeAll(async () => {
    const { modelTopology, weightSpecs, weightData } = await kerasModel();
    const manifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
    server = createServer((request, response) => {
      if (request.url === '/model.json') {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest: manifest }));
      } else {
        response.setHeader('content-type', 'application/octet-stream');
        response.end(Buffer.from(weightData as ArrayBuffer));
      }
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.json`;
  });

  afterAll(() => {
    server.close();
  });

  test('is refused by TensorFlow.js itself', async () => {
    await expect(tf.loadLayersModel(url)).rejects.toThrow('reset_after');
  });

  test('is loaded from its URL and computes what PyTorch computes with the same weights', async () => {
    const model = await loadLayersModel(url);
    const timeMajor = (values: readonly number[], width: number) =>
      tf.transpose(tf.tensor3d([...values], [goldenTime!, goldenBatch!, width]), [1, 0, 2]);
    const expected = timeMajor(golden.outputs[0]!.values, hiddenDim).dataSync();
    expectClose(predict(model, timeMajor(golden.x.values, inputDim)), [...expected]);
  });

  test('with an option that is not supported is refused by the option’s name', async () => {
    const artifacts = await kerasModel({ time_major: true });
    await expect(loadLayersModel(tf.io.fromMemory(artifacts))).rejects.toThrow(
      'GRU: the argument timeMajor=true is not supported',
    );
  });
});
