import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { naiveMinGru } from '../kernels/linear-recurrence/naive-min-gru.js';
import { naiveMinLstm } from '../kernels/linear-recurrence/naive-min-lstm.js';
import { expectClose } from '../testing/textbook.js';
import { Bidirectional } from './bidirectional.js';
import { Embedding } from './embedding.js';
import { Linear } from './linear.js';
import { MinGRU } from './min-gru.js';
import { MinLSTM } from './min-lstm.js';
import type { MinimalLayerArgs } from './minimal-layer.js';

const [batch, time, features, units] = [2, 6, 4, 3];

beforeAll(() => tf.setBackend('cpu'));

const drawn = (shape: number[], seed: number) => tf.randomUniform(shape, -1, 1, 'float32', seed);

const kinds = {
  MinGRU: { make: (args: MinimalLayerArgs) => new MinGRU(args), loop: naiveMinGru },
  MinLSTM: { make: (args: MinimalLayerArgs) => new MinLSTM(args), loop: naiveMinLstm },
};

describe.each(Object.entries(kinds))('%s', (_, { make, loop }) => {
  test('has the textbook loop’s outputs, all or the last, forwards and backwards', () => {
    const x = drawn([batch, time, features], 1);
    const sequences = x.arraySync() as number[][][];
    for (const goBackwards of [false, true]) {
      const all = make({ units, returnSequences: true, goBackwards });
      const last = make({ units, goBackwards });
      const outputs = all.apply(x) as tf.Tensor;
      expect(outputs.shape).toEqual([batch, time, units]);
      last.apply(x);
      const weights = all.getWeights().map((weight, k) => drawn(weight.shape, k + 2));
      for (const layer of [all, last]) layer.setWeights(weights);
      const [kernel, bias] = weights.map((weight) => weight.arraySync()) as [number[][], number[]];
      const zeros = Array<number>(units).fill(0);
      const expected = sequences.map((xs) => loop({ kernel, bias }, goBackwards ? xs.toReversed() : xs, zeros));
      expectClose([...(all.apply(x) as tf.Tensor).dataSync()], expected.flat(2) as number[], 1e-5);
      expectClose(
        [...(last.apply(x) as tf.Tensor).dataSync()],
        expected.flatMap((each) => each.at(-1)!),
        1e-5,
      );
    }
  });

  test('skips padding, however much of it there is', () => {
    const model = tf.sequential({
      layers: [new Embedding({ inputDim: 9, outputDim: features, maskZero: true }), make({ units })],
    });
    const short = model.predict(tf.tensor2d([[3, 5, 7]], [1, 3], 'int32')) as tf.Tensor;
    const padded = model.predict(tf.tensor2d([[3, 0, 5, 7, 0, 0]], [1, 6], 'int32')) as tf.Tensor;
    expectClose([...padded.dataSync()], [...short.dataSync()], 1e-6);
  });

  test('trains by fit, in both directions, and is saved and loaded', async () => {
    const model = tf.sequential({
      layers: [
        new Bidirectional({
          layer: make({ units, returnSequences: true }),
          mergeMode: 'concat',
          inputShape: [time, features],
        }),
        make({ units }),
        new Linear({ units: 1, kernelInitializer: tf.initializers.glorotUniform({ seed: 1 }) }),
      ],
    });
    model.compile({ optimizer: tf.train.adam(0.05), loss: 'meanSquaredError' });
    const x = drawn([16, time, features], 3);
    const y = tf.sum(tf.mean(x, 1), 1, true);
    const { history } = await model.fit(x, y, { epochs: 30, batchSize: 16, shuffle: false, verbose: 0 });
    const losses = history.loss as number[];
    expect(losses.at(-1)!).toBeLessThan(0.2 * losses[0]!);

    let saved: tf.io.ModelArtifacts | undefined;
    await model.save(
      tf.io.withSaveHandler(async (artifacts) => {
        saved = artifacts;
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
      }),
    );
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(saved!));
    expectClose(
      [...(loaded.predict(x) as tf.Tensor).dataSync()],
      [...(model.predict(x) as tf.Tensor).dataSync()],
      1e-6,
    );
  });
});

test('arguments that a layer without states does not support are refused by name', () => {
  expect(() => new MinGRU({ units, stateful: true } as MinimalLayerArgs)).toThrow('MinGRU: the argument stateful=true');
  expect(() => new MinLSTM({ units, activation: 'tanh' } as MinimalLayerArgs)).toThrow(
    'MinLSTM: the argument activation="tanh" is not supported',
  );
});
