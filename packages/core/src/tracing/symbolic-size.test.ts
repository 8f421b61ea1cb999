import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { runGraph } from '../testing/onnx-runtime.js';
import { withSymbolicSize } from './symbolic-size.js';
import { trace } from './trace.js';

const traced = (fn: (x: tf.Tensor) => tf.Tensor) =>
  trace(({ x }) => ({ y: fn(x!) }), { x: { shape: [101, 2], dtype: 'float32' } });

test('a graph traced with one number of rows runs with another', async () => {
  const sums = (x: tf.Tensor) => tf.sum(tf.reshape(tf.mul(x, 2), [101, 1, 2]), 2);
  const graph = withSymbolicSize(traced(sums), 101, 'rows');
  expect([...graph.inputs, ...graph.outputs].map(({ shape }) => shape)).toEqual([
    ['rows', 2],
    ['rows', 1],
  ]);
  const { y } = await runGraph(graph, { x: { shape: [3, 2], values: [1, 2, 3, 4, 5, 6] } });
  expect(y).toEqual([6, 14, 22]);
});

test('a size that ONNX takes as a constant cannot be left open, and the operator is named', () => {
  expect(() =>
    withSymbolicSize(
      traced((x) => tf.split(x, [1, 100], 0)[1]!),
      100,
      'rows',
    ),
  ).toThrow("the size of 'rows' cannot be left open: Split");
  const numbered = (x: tf.Tensor) => tf.add(x, tf.reshape(tf.range(0, 202), [101, 2]));
  expect(() => withSymbolicSize(traced(numbered), 101, 'rows')).toThrow("the size of 'rows' cannot be left open: Add");
});
