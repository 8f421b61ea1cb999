import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { elementCount } from '../onnx/graph.js';
import type { NamedTensors } from '../tracing/trace.js';
import { uniformParameters } from './initial-parameters.js';
import { translationLoss, translationParameterShapes } from './translation.js';

const config = { vocabSize: 7, embeddingDim: 3, hiddenDim: 4, dropout: 0 };
const shape = { batch: 2, source: 4, target: 3 };
const shapes = translationParameterShapes(config);
const values = uniformParameters(shapes, { seed: 3, range: 0.8 });

const batch = (): NamedTensors => ({
  source: tf.tensor2d([1, 2, 3, 4, 5, 0, 6, 0], [4, 2], 'int32'),
  sourceLengths: tf.tensor1d([4, 2], 'int32'),
  previous: tf.tensor2d([0, 0, 3, 4, 5, 1], [3, 2], 'int32'),
  targets: tf.tensor1d([3, 4, 5, 1, 0, 0], 'int32'),
  weights: tf.tensor1d([0.2, 0.2, 0.2, 0.2, 0.2, 0]),
});

beforeAll(async () => {
  await tf.setBackend('cpu');
});

function lossAt(changed: Readonly<Record<string, Float32Array>>): number {
  return tf.tidy(() => {
    const parameters = Object.fromEntries(
      Object.entries(shapes).map(([name, size]) => [name, tf.tensor(changed[name]!, [...size])]),
    );
    return translationLoss(config, shape).loss(parameters, batch()).dataSync()[0]!;
  });
}

test.each(Object.keys(shapes))('the gradient by %s is that of small differences', (name) => {
  const { loss } = translationLoss(config, shape);
  const others = Object.fromEntries(
    Object.entries(shapes).map(([each, size]) => [each, tf.tensor(values[each]!, [...size])]),
  );
  const gradient = tf
    .grad((x) => loss({ ...others, [name]: x }, batch()))(others[name]!)
    .dataSync();
  const step = 1e-2;
  for (let k = 0; k < Math.min(6, elementCount(shapes[name]!)); k++) {
    const at = (delta: number) => lossAt({ ...values, [name]: values[name]!.map((v, i) => (i === k ? v + delta : v)) });
    expect(gradient[k]).toBeCloseTo((at(step) - at(-step)) / (2 * step), 3);
  }
});
