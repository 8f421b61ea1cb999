import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { runGraph } from '../testing/onnx-runtime.js';
import { trace } from '../tracing/trace.js';
import { RnnLanguageModel } from './language-model.js';

const sizes = { vocabSize: 11, embeddingDim: 6, hiddenDim: 6, layers: 2 } as const;
const ids = () => tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8], [2, 4], 'int32');
const targets = () => tf.tensor2d([2, 3, 4, 5, 6, 7, 8, 9], [2, 4], 'int32');

function expectClose(actual: tf.Tensor, expected: tf.Tensor, tolerance = 1e-6): void {
  expect(actual.shape).toEqual(expected.shape);
  const values = expected.dataSync();
  actual.dataSync().forEach((value, k) => {
    expect(Math.abs(value - values[k]!)).toBeLessThan(tolerance);
  });
}

beforeAll(async () => {
  await tf.setBackend('cpu');
});

test('sizes 10,000/256/512 and ids [32, 20] give logits [32, 20, 10000] and a hidden state [1, 32, 512]', async () => {
  const model = new RnnLanguageModel({ vocabSize: 10_000, embeddingDim: 256, hiddenDim: 512, cell: 'lstm' });
  const graph = trace(
    ({ ids }) => {
      const { logits, state } = model.forward(ids as tf.Tensor2D);
      return { logits, hidden: state.hidden, cell: state.cell! };
    },
    { ids: { shape: [32, 20], dtype: 'int32' } },
  );
  expect(graph.outputs.map(({ shape }) => shape)).toEqual([
    [32, 20, 10_000],
    [1, 32, 512],
    [1, 32, 512],
  ]);
  const values = Array.from({ length: 640 }, (_, k) => (k * 7919) % 10_000);
  const { logits, hidden } = await runGraph(graph, { ids: { shape: [32, 20], values, dtype: 'int32' } });
  expect(logits).toHaveLength(32 * 20 * 10_000);
  expect(hidden).toHaveLength(32 * 512);
  expect(logits!.every(Number.isFinite)).toBe(true);
  model.dispose();
});

describe.each(['rnn', 'lstm', 'gru', 'mingru', 'minlstm'] as const)('%s', (cell) => {
  test('a sequence read in two parts, state carried over, scores like the whole', () => {
    const model = new RnnLanguageModel({ ...sizes, cell });
    const whole = model.forward(ids());
    const first = model.forward(tf.slice(ids(), [0, 0], [2, 3]));
    const second = model.forward(tf.slice(ids(), [0, 3], [2, 1]), first.state);
    expectClose(tf.concat([first.logits, second.logits], 1), whole.logits);
    expectClose(second.state.hidden, whole.state.hidden);
    if (cell === 'lstm') expectClose(second.state.cell!, whole.state.cell!);
    model.dispose();
  });

  test('the same seed gives the same model, another seed another', () => {
    const [model, twin, other] = [1, 1, 2].map((seed) => new RnnLanguageModel({ ...sizes, cell, seed }));
    expectClose(model!.forward(ids()).logits, twin!.forward(ids()).logits, 1e-12);
    expect(() => expectClose(model!.forward(ids()).logits, other!.forward(ids()).logits)).toThrow();
    for (const each of [model, twin, other]) each!.dispose();
  });

  test('gradient descent on the loss, with dropout and tied weights, learns a text by heart', () => {
    const model = new RnnLanguageModel({ ...sizes, cell, tieWeights: true, dropout: 0.1, seed: 3, initRange: 0.3 });
    const optimizer = tf.train.adam(0.03);
    const before = model.loss(ids(), targets()).dataSync()[0]!;
    const tensors = () => tf.memory().numTensors;
    const step = (seed: number) =>
      tf.tidy(() => void optimizer.minimize(() => model.loss(ids(), targets(), { training: true, seed })));
    step(0);
    const held = tensors();
    for (let seed = 1; seed < 80; seed++) step(seed);
    expect(tensors()).toBe(held);
    expect(before).toBeGreaterThan(2);
    expect(model.loss(ids(), targets()).dataSync()[0]).toBeLessThan(0.5);
    model.dispose();
  });
});

test('dropout masks are a function of the seed, and none are drawn outside training', () => {
  const model = new RnnLanguageModel({ ...sizes, cell: 'lstm', dropout: 0.5 });
  const logits = (seed?: number) =>
    model.forward(ids(), undefined, seed === undefined ? {} : { training: true, seed }).logits;
  expectClose(logits(4), logits(4), 1e-12);
  expect(() => expectClose(logits(4), logits(5))).toThrow();
  expectClose(logits(), logits(), 1e-12);
  expect(() => expectClose(logits(), logits(4))).toThrow();
  model.dispose();
});

test('two models can exist at the same time, and disposing of one frees its parameters', () => {
  const before = tf.memory().numTensors;
  const model = new RnnLanguageModel({ ...sizes, cell: 'gru' });
  const other = new RnnLanguageModel({ ...sizes, cell: 'gru' });
  model.dispose();
  expect(other.loss(ids(), targets()).shape).toEqual([]);
  other.dispose();
  expect(tf.memory().numTensors).toBe(before + 3); // ids, targets, loss
});

test('an LSTM refuses a state without cells', () => {
  const model = new RnnLanguageModel({ ...sizes, cell: 'lstm' });
  const { hidden } = model.initialState(2);
  expect(() => model.forward(ids(), { hidden })).toThrow("this model's state needs `cell` beside `hidden`");
  model.dispose();
});
