import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { readOptimizerCases } from '../../testing/golden-optimizers.js';
import { smoothedCrossEntropy } from './smoothed-cross-entropy.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe.each(readOptimizerCases('smoothing'))('labels smoothed by $epsilon', ({ rows, width, classes, ...golden }) => {
  test.each([false, true])('have PyTorch’s losses and gradients, weights transposed: %s', (transposed) => {
    const targets = tf.tensor1d([...golden.targets], 'int32');
    const objective = (features: tf.Tensor, weights: tf.Tensor, bias: tf.Tensor): tf.Scalar => {
      const turned = transposed ? tf.transpose(weights) : weights;
      const inputs = { features, weights: turned, bias, targets };
      const { objectives } = smoothedCrossEntropy(inputs, golden.epsilon, transposed);
      golden.losses.forEach((loss, k) => {
        expect(objectives.dataSync()[k]).toBeCloseTo(loss, 5);
      });
      return tf.sum(tf.mul(objectives, tf.tensor1d([...golden.scales])));
    };
    const gradients = tf.grads(objective)([
      tf.tensor2d([...golden.features], [rows, width]),
      tf.tensor2d([...golden.weights], [width, classes]),
      tf.tensor1d([...golden.bias]),
    ]);
    (['features', 'weights', 'bias'] as const).forEach((name, k) => {
      const actual = gradients[k]!.dataSync();
      golden.gradients[name].forEach((expected, e) => {
        expect(actual[e]).toBeCloseTo(expected, 5);
      });
    });
  });
});
