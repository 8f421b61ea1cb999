// A recurrent model of @unroll/core's layers that tells the next value of noiseless waves:
//   unroll train --module examples/train-on-a-cluster/waves.mjs --out runs/waves --workers 2 --servers 1
import * as tf from '@tensorflow/tfjs';
import { GRU, Linear } from '@unroll/core';

const [count, time] = [64, 12];

/** Waves of many lengths, [count, time, 1], and the value after each, [count, 1]. */
export function waves() {
  const value = (wave, t) => Math.sin(wave + (t * (1 + (wave % 7))) / 7);
  const read = Array.from({ length: count * time }, (_, k) => value(Math.floor(k / time), k % time));
  const next = Array.from({ length: count }, (_, wave) => value(wave, time));
  return { xs: tf.tensor3d(read, [count, time, 1]), ys: tf.tensor2d(next, [count, 1]) };
}

export function wavesModel() {
  const seeded = (seed) => tf.initializers.glorotUniform({ seed });
  return tf.sequential({
    layers: [
      new GRU({ units: 12, inputShape: [time, 1], kernelInitializer: seeded(1), recurrentInitializer: seeded(2) }),
      new Linear({ units: 1, kernelInitializer: seeded(3) }),
    ],
  });
}

export default () => ({
  name: 'waves',
  model: wavesModel(),
  loss: 'meanSquaredError',
  train: waves(),
  ...{ batchSize: 16, epochs: 4, optimizer: 'sgd', learningRate: 0.1, shuffle: false },
});
