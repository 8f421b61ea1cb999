// Layers that draw random numbers: each step draws anew, from the seed, and the same as `fit` would draw.
import * as tf from '@tensorflow/tfjs';
import { Dropout, LSTM } from '@unroll/core';
import { beforeAll, describe, expect, test } from 'vitest';
import { selectEngine } from '../engines/select.js';
import { largestDifference, trainBoth } from '../testing/beside-fit.js';
import { compile } from './compile.js';
import type { ModelFunction } from './model.js';

const { layers } = tf;
const inputs = () => tf.cos(tf.reshape(tf.range(1, 8 * 12 + 1), [8, 4, 3]));
const labels = () => tf.sin(tf.range(1, 17)).reshape([8, 2]);

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const noisy: Record<string, () => tf.layers.Layer[]> = {
  dropout: () => [layers.dropout({ rate: 0.4, inputShape: [4, 3] })],
  'two dropouts': () => [layers.dropout({ rate: 0.4, inputShape: [4, 3] }), layers.dropout({ rate: 0.2 })],
  spatialDropout1d: () => [layers.spatialDropout1d({ rate: 0.4, inputShape: [4, 3] } as never)],
  gaussianNoise: () => [layers.gaussianNoise({ stddev: 0.3, inputShape: [4, 3] })],
  gaussianDropout: () => [layers.gaussianDropout({ rate: 0.3, inputShape: [4, 3] })],
  alphaDropout: () => [layers.alphaDropout({ rate: 0.3, inputShape: [4, 3] })],
  'dropout within an lstm': () => [
    layers.lstm({ units: 3, dropout: 0.3, recurrentDropout: 0.2, returnSequences: true, inputShape: [4, 3] }),
  ],
  'dropout within an LSTM of @unroll/core': () => [
    new LSTM({ units: 3, dropout: 0.3, recurrentDropout: 0.2, seed: 5, returnSequences: true, inputShape: [4, 3] }),
  ],
  'Dropout of @unroll/core': () => [new Dropout({ rate: 0.4, seed: 5, inputShape: [4, 3] })],
};

describe('drawing the same random numbers, a compiled step trains as fit does', () => {
  test.each(Object.entries(noisy))('%s', async (_, make) => {
    const model = () => tf.sequential({ layers: [...make(), layers.flatten(), layers.dense({ units: 2 })] });
    const { fitted, compiled } = await trainBoth({ model, xs: inputs(), ys: labels(), epochs: 2, seed: 7 });
    expect(new Set(fitted.losses).size).toBe(6);
    expect(largestDifference(fitted, compiled)).toBeLessThan(1e-4);
  });
});

describe('of a function that draws', () => {
  const variable = tf.variable(tf.ones([3]));
  const x = tf.ones([2, 3]);
  const y = tf.zeros([3]);

  /** Returns the losses of three steps that train nothing. */
  async function losses(draw: (x: tf.Tensor) => tf.Tensor, seed?: number): Promise<number[]> {
    const model: ModelFunction = (x) => tf.mul(draw(x as tf.Tensor), variable);
    const engine = await selectEngine('onnxruntime', 1);
    const step = await compile(
      model,
      'meanSquaredError',
      tf.train.sgd(0),
      seed === undefined ? { engine } : { engine, seed },
    );
    const results: number[] = [];
    for (let k = 0; k < 3; k++) results.push((await step.run(x, y)).loss);
    await step.dispose();
    return results;
  }

  const uniform = (x: tf.Tensor) => tf.randomUniform(x.shape, -2, 5);

  test.each<[string, number, (x: tf.Tensor) => tf.Tensor]>([
    ['normal', 3 ** 2, (x) => tf.randomNormal(x.shape, 0, 3)],
    ['truncated normal', 0.774 * 3 ** 2, (x) => tf.truncatedNormal(x.shape, 0, 3)],
    ['uniform', (5 ** 3 + 2 ** 3) / (3 * 7), (x) => tf.randomUniform(x.shape, -2, 5)],
  ])('%s numbers keep their distribution', async (_, square, draw) => {
    const many = tf.ones([200, 50, 3]);
    const [loss] = await losses(() => draw(many));
    expect(loss).toBeCloseTo(square, 0);
  });

  test('the numbers are others in every step', async () => {
    expect(new Set(await losses(uniform)).size).toBe(3);
  });

  test('a seed gives the same numbers again, another seed others', async () => {
    expect(await losses(uniform, 3)).toEqual(await losses(uniform, 3));
    expect(await losses(uniform, 3)).not.toEqual(await losses(uniform, 4));
  });

  test.each<[string, (x: tf.Tensor) => tf.Tensor]>([
    ['of a distribution that is not known here', (x) => tf.randomGamma(x.shape, 2)],
    ['in JavaScript', (x) => tf.mul(x, Math.random() * 2 + 1)],
    ['to decide what to compute', (x) => (Math.random() < 2 ? x : tf.neg(x))],
  ])('random numbers %s are refused', async (_, draw) => {
    await expect(losses(draw)).rejects.toThrow('the model draws random numbers that a compiled step cannot repeat');
  });

  test('a tensor made in JavaScript that changes from call to call is refused', async () => {
    let calls = 0;
    const counting = (x: tf.Tensor) => tf.mul(x, tf.tensor1d([calls++, 0, 0]));
    await expect(losses(counting)).rejects.toThrow('makes a tensor [3] in JavaScript whose values change');
  });

  test('Math.random is afterwards what it was', async () => {
    const { random } = Math;
    await expect(losses((x) => tf.mul(x, Math.random()))).rejects.toThrow();
    expect(Math.random).toBe(random);
  });
});
