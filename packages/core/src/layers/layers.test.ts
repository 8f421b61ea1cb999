import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { Bidirectional } from './bidirectional.js';
import { Dropout } from './dropout.js';
import { Embedding } from './embedding.js';
import { GRU } from './gru.js';
import { Linear } from './linear.js';
import { LSTM } from './lstm.js';
import { SimpleRNN } from './simple-rnn.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const ids = tf.tensor2d([2, 0, 2, 2, 3, 0], [2, 3], 'int32');

describe('Embedding and Linear', () => {
  const pairs = {
    Embedding: {
      x: ids,
      ours: new Embedding({ inputDim: 5, outputDim: 4 }),
      theirs: tf.layers.embedding({ inputDim: 5, outputDim: 4 }),
    },
    'Linear [batch, in]': {
      x: tf.randomUniform([3, 4], -1, 1, 'float32', 1),
      ours: new Linear({ units: 2 }),
      theirs: tf.layers.dense({ units: 2 }),
    },
    'Linear [batch, time, in]': {
      x: tf.randomUniform([3, 5, 4], -1, 1, 'float32', 1),
      ours: new Linear({ units: 2, useBias: false }),
      theirs: tf.layers.dense({ units: 2, useBias: false }),
    },
  };

  test.each(Object.entries(pairs))('%s computes what TensorFlow.js’s own layer computes', (_, { x, ours, theirs }) => {
    const results = [ours, theirs].map((layer) => {
      const output = layer.apply(x) as tf.Tensor;
      layer.setWeights(layer.getWeights().map((weight, k) => tf.randomUniform(weight.shape, -1, 1, 'float32', k)));
      const weighted = () => {
        const scores = tf.randomUniform(output.shape, -1, 1, 'float32', 9);
        return tf.sum(tf.mul(layer.apply(x) as tf.Tensor, scores)) as tf.Scalar;
      };
      const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
      const { value, grads } = tf.variableGrads(weighted, variables);
      return [value, layer.apply(x) as tf.Tensor, ...variables.map(({ name }) => grads[name]!)];
    });
    results[0]!.forEach((tensor, k) => {
      expect(tensor.shape).toEqual(results[1]![k]!.shape);
      expect(tf.max(tf.abs(tf.sub(tensor, results[1]![k]!))).dataSync()[0]).toBeLessThan(1e-5);
    });
  });

  test('refuse what they do not support', () => {
    const regularized = { inputDim: 5, outputDim: 4, activityRegularizer: 'l1' };
    expect(() => new Embedding(regularized)).toThrow(
      'Embedding: the argument activityRegularizer="l1" is not supported; leave it out',
    );
    const activated = { units: 2, activation: 'relu' };
    expect(() => new Linear(activated)).toThrow(
      'Linear: the argument activation="relu" is not supported; use "linear"',
    );
  });
});

describe('Dropout', () => {
  const x = tf.ones([40, 100]);
  const run = (layer: tf.layers.Layer, training: boolean) => [
    ...(layer.apply(x, { training }) as tf.Tensor).dataSync(),
  ];

  test('drops at its rate in training, other elements each time, and is the identity otherwise', () => {
    const layer = new Dropout({ rate: 0.25, seed: 3 });
    const first = run(layer, true);
    expect(new Set(first)).toEqual(new Set([0, Math.fround(4 / 3)]));
    expect(first.filter((value) => value === 0).length / first.length).toBeCloseTo(0.25, 1);
    expect(run(layer, true)).not.toEqual(first);
    expect(new Set(run(layer, false))).toEqual(new Set([1]));
  });

  test('the same seed drops the same elements, call by call', () => {
    const [layer, twin, other] = [3, 3, 4].map((seed) => new Dropout({ rate: 0.5, seed }));
    for (let call = 0; call < 2; call++) expect(run(layer!, true)).toEqual(run(twin!, true));
    expect(run(other!, true)).not.toEqual(run(layer!, true));
  });

  test('a rate outside [0, 1) is refused', () => {
    expect(() => new Dropout({ rate: 1 })).toThrow('Dropout: rate must be in [0, 1), got 1');
  });
});

const recurrent = {
  SimpleRNN: () => new SimpleRNN({ units: 8, activation: 'relu' }),
  LSTM: () => new LSTM({ units: 8, unitForgetBias: false }),
  GRU: () => new GRU({ units: 8 }),
  'GRU, reset before': () => new GRU({ units: 8, resetAfter: false }),
  Bidirectional: () => new Bidirectional({ layer: new GRU({ units: 4 }), mergeMode: 'concat' }),
  'LSTM, dropout in the recurrence': () =>
    new LSTM({ units: 8, recurrentDropout: 0.1, seed: 2, unitForgetBias: false }),
};

describe.each(Object.entries(recurrent))('a tf.sequential model with %s', (name, layer) => {
  const model = () =>
    tf.sequential({
      layers: [
        new Embedding({ inputDim: 10, outputDim: 6, inputLength: 4 }),
        layer(),
        new Dropout({ rate: 0.1, seed: 5 }),
        new Linear({ units: 1 }),
      ],
    });
  // The label says whether the sequence contains a 7.
  const sequences = tf.tidy(() => tf.cast(tf.floor(tf.randomUniform([32, 4], 0, 10, 'float32', 2)), 'int32'));
  const labels = tf.tidy(() => tf.cast(tf.any(tf.equal(sequences, 7), 1, true), 'float32'));

  test('learns by fit()', async () => {
    const trained = model();
    trained.setWeights(trained.getWeights().map(({ shape }, k) => tf.randomUniform(shape, -0.5, 0.5, 'float32', k)));
    trained.compile({ optimizer: tf.train.adam(0.03), loss: 'meanSquaredError' });
    const { history } = await trained.fit(sequences, labels, { epochs: 15, batchSize: 16, shuffle: false, verbose: 0 });
    const losses = history.loss as number[];
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
  });

  async function savedAndLoaded(original: tf.LayersModel, change = (topology: string) => topology) {
    let artifacts: tf.io.ModelArtifacts | undefined;
    const handler = tf.io.withSaveHandler(async (saved) => {
      artifacts = saved;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    });
    await original.save(handler);
    const { modelTopology, ...rest } = structuredClone(artifacts!);
    const changed = JSON.parse(change(JSON.stringify(modelTopology))) as object;
    return tf.loadLayersModel(tf.io.fromMemory({ ...rest, modelTopology: changed }));
  }
  const classes = (each: tf.LayersModel) => each.layers.map((each) => each.getClassName());

  test('is the same model after save() and tf.loadLayersModel()', async () => {
    const original = model();
    const expected = (original.predict(sequences) as tf.Tensor).dataSync();
    const loaded = await savedAndLoaded(original);
    expect((loaded.predict(sequences) as tf.Tensor).dataSync()).toEqual(expected);
    expect(classes(loaded)).toEqual(classes(original));
  });

  // TensorFlow.js has no GRUs that reset after the product.
  if (name === 'GRU' || name === 'Bidirectional') return;

  test('is one of TensorFlow.js’s own layers once its classes are renamed', async () => {
    const original = model();
    const loaded = await savedAndLoaded(original, (topology) =>
      topology.replaceAll('"UnrollLinear"', '"Dense"').replaceAll('"Unroll', '"'),
    );
    expect(classes(loaded).filter((each) => each.startsWith('Unroll'))).toEqual([]);
    const expected = (original.predict(sequences) as tf.Tensor).dataSync();
    (loaded.predict(sequences) as tf.Tensor).dataSync().forEach((value, k) => {
      expect(value).toBeCloseTo(expected[k]!, 5);
    });
  });
});
