import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { backends } from '../testing/backends.js';
import { runGraph } from '../testing/onnx-runtime.js';
import { trace } from '../tracing/trace.js';
import { embeddingLookup } from './embedding/lookup.js';
import { combineRows, replaceRows, sumOfSquaresOfRows } from './embedding/rows.js';
import { linearCrossEntropy } from './output-layer/linear-cross-entropy.js';
import { sparseSoftmaxCrossEntropy } from './softmax-cross-entropy/sparse.js';
import { sumOfSquares } from './sum-of-squares/sum-of-squares.js';

/** Deterministic values in [-1, 1] without repetition or order, exact in float32. */
const spread = (count: number, phase = 0) =>
  Array.from({ length: count }, (_, k) => Math.fround(Math.sin(12.9898 * (k + 1) + phase)));

function expectClose(actual: readonly number[], expected: readonly number[], tolerance = 1e-6): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, k) => {
    expect(Math.abs(actual[k]! - value)).toBeLessThan(tolerance * Math.max(1, Math.abs(value)));
  });
}

describe.each(Object.entries(backends))('%s', (_, evaluate) => {
  test.each([
    [1, 2],
    [5, 3],
    [4, 17],
  ])('SparseSoftmaxCrossEntropy of %d rows over %d classes is −log softmax at the target', async (rows, classes) => {
    const logits = spread(rows * classes).map((value) => 10 * value);
    const targets = Array.from({ length: rows }, (_, row) => (row * 7 + 1) % classes);
    const weights = spread(rows, 1);
    const { outputs, gradients } = await evaluate({
      fn: ({ logits, targets }) => [sparseSoftmaxCrossEntropy(logits as tf.Tensor2D, targets as tf.Tensor1D)],
      inputs: {
        logits: { shape: [rows, classes], values: logits },
        targets: { shape: [rows], values: targets, dtype: 'int32' },
      },
      parameters: ['logits'],
      weights: [weights],
    });

    const losses: number[] = [];
    const dLogits: number[] = [];
    for (let row = 0; row < rows; row++) {
      const scores = logits.slice(row * classes, (row + 1) * classes);
      const sum = scores.reduce((total, score) => total + Math.exp(score), 0);
      losses.push(Math.log(sum) - scores[targets[row]!]!);
      dLogits.push(...scores.map((s, k) => (Math.exp(s) / sum - Number(k === targets[row])) * weights[row]!));
    }
    expectClose(outputs[0]!, losses, 1e-5);
    expectClose(gradients.logits!, dLogits);
  });

  test('SparseSoftmaxCrossEntropy neither overflows nor underflows', async () => {
    const { outputs, gradients } = await evaluate({
      fn: ({ logits, targets }) => [sparseSoftmaxCrossEntropy(logits as tf.Tensor2D, targets as tf.Tensor1D)],
      inputs: {
        logits: { shape: [2, 2], values: [1000, -1000, 1000, -1000] },
        targets: { shape: [2], values: [0, 1], dtype: 'int32' },
      },
      parameters: ['logits'],
      weights: [[1, 1]],
    });
    expectClose(outputs[0]!, [0, 2000]);
    expectClose(gradients.logits!, [0, 0, 1, -1]);
  });

  test('EmbeddingLookup returns the rows of the ids, and each row receives the sum of its gradients', async () => {
    const ids = [2, 0, 2, 2, 3, 0];
    const table = spread(5 * 3);
    const weights = spread(ids.length * 3, 2);
    const { outputs, gradients } = await evaluate({
      fn: ({ table, ids }) => [embeddingLookup(table as tf.Tensor2D, ids!)],
      inputs: { table: { shape: [5, 3], values: table }, ids: { shape: [2, 3], values: ids, dtype: 'int32' } },
      parameters: ['table'],
      weights: [weights],
    });
    expect(outputs[0]).toEqual(ids.flatMap((id) => table.slice(3 * id, 3 * id + 3)));
    const expected = table.map((_, k) =>
      ids.reduce((sum, id, position) => (id === Math.floor(k / 3) ? sum + weights[3 * position + (k % 3)]! : sum), 0),
    );
    expectClose(gradients.table!, expected);
  });

  test.each([false, true])(
    'LinearCrossEntropy is a product, a sum and SparseSoftmaxCrossEntropy (transposed: %s)',
    async (transposed) => {
      const [rows, width, classes] = [5, 3, 7];
      const run = (fn: Parameters<typeof evaluate>[0]['fn']) =>
        evaluate({
          fn,
          inputs: {
            features: { shape: [rows, width], values: spread(rows * width) },
            weights: { shape: transposed ? [classes, width] : [width, classes], values: spread(width * classes, 1) },
            bias: { shape: [classes], values: spread(classes, 2) },
            targets: { shape: [rows], values: [6, 0, 3, 3, 1], dtype: 'int32' },
          },
          parameters: ['features', 'weights', 'bias'],
          weights: [spread(rows, 3)],
        });
      const fused = await run(({ features, weights, bias, targets }) => [
        linearCrossEntropy({ features: features!, weights: weights!, bias: bias!, targets: targets! }, transposed),
      ]);
      const apart = await run(({ features, weights, bias, targets }) => {
        const logits = tf.add(tf.matMul(features!, weights!, false, transposed), bias!);
        return [sparseSoftmaxCrossEntropy(logits as tf.Tensor2D, targets as tf.Tensor1D)];
      });
      expectClose(fused.outputs[0]!, apart.outputs[0]!, 1e-5);
      for (const name of ['features', 'weights', 'bias']) {
        expectClose(fused.gradients[name]!, apart.gradients[name]!, 1e-5);
      }
    },
  );

  test('combined rows have the squares of the summed gradient, and replace a table’s rows at their ids', async () => {
    const ids = [2, 0, 2, 2, 3, 0];
    const rows = spread(ids.length * 3);
    const { outputs } = await evaluate({
      fn: ({ table, ids, rows }) => {
        const combined = combineRows(rows as tf.Tensor2D, ids as tf.Tensor1D, 5);
        const replaced = replaceRows(table as tf.Tensor2D, ids as tf.Tensor1D, combined);
        return [sumOfSquaresOfRows(rows as tf.Tensor2D, combined), replaced];
      },
      inputs: {
        table: { shape: [5, 3], values: Array<number>(15).fill(9) },
        ids: { shape: [6], values: ids, dtype: 'int32' },
        rows: { shape: [6, 3], values: rows },
      },
      parameters: [],
      weights: [[1], Array<number>(15).fill(1)],
    });
    const sums = Array.from({ length: 15 }, (_, k) =>
      ids.reduce((sum, id, row) => (id === Math.floor(k / 3) ? sum + rows[3 * row + (k % 3)]! : sum), 0),
    );
    expectClose(outputs[0]!, [sums.reduce((total, value) => total + value * value, 0)], 1e-5);
    expectClose(
      outputs[1]!,
      sums.map((sum, k) => (ids.includes(Math.floor(k / 3)) ? sum : 9)),
      1e-5,
    );
  });

  test.each([[[]], [[7]], [[3, 5]], [[2, 3, 4]]])('SumOfSquares of shape %j is the squared norm', async (shape) => {
    const values = spread(shape.reduce((a, b) => a * b, 1));
    const { outputs } = await evaluate({
      fn: ({ x }) => [sumOfSquares(x!)],
      inputs: { x: { shape, values } },
      parameters: [],
      weights: [[1]],
    });
    expectClose(outputs[0]!, [values.reduce((sum, value) => sum + value * value, 0)]);
  });
});

test('gradients of repeated ids add up when ONNX Runtime works with two threads', async () => {
  const [vocab, width, count] = [40, 64, 700];
  const graph = trace(
    ({ table, ids, dRows }) => {
      const weighted = (values: tf.Tensor) => tf.sum(tf.mul(embeddingLookup(values as tf.Tensor2D, ids!), dRows!));
      return { gradient: tf.grad(weighted)(table!) };
    },
    {
      table: { shape: [vocab, width], dtype: 'float32' },
      ids: { shape: [count], dtype: 'int32' },
      dRows: { shape: [count, width], dtype: 'float32' },
    },
  );
  const ids = Array.from({ length: count }, (_, k) => (k * k) % vocab);
  const inputs = {
    table: { shape: [vocab, width], values: spread(vocab * width) },
    ids: { shape: [count], values: ids, dtype: 'int32' as const },
    dRows: { shape: [count, width], values: ids.flatMap((id) => Array<number>(width).fill(id + 1)) },
  };
  const occurrences = (id: number) => ids.filter((other) => other === id).length;
  const expected = Array.from({ length: vocab }, (_, id) =>
    Array<number>(width).fill(occurrences(id) * (id + 1)),
  ).flat();
  for (let run = 0; run < 10; run++) {
    const { gradient } = await runGraph(graph, inputs, { threads: 2 });
    expect(gradient).toEqual(expected);
  }
});
