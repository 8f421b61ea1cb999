import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { runGraph } from '../testing/onnx-runtime.js';
import { TraceBackend } from './backend.js';
import { withOpenSizes } from './open-sizes.js';
import { unknownSizes } from './size-samples.js';
import { traceOn } from './trace.js';

/** Traces a function of x [rows, 2], rows open. */
function opened(fn: (x: tf.Tensor) => tf.Tensor, outputs: (y: tf.Tensor) => NamedTensors = (y) => ({ y })) {
  const trace = ({ rows }: Readonly<Record<string, number>>, trial: number) =>
    traceOn(new TraceBackend({ unknownSize: unknownSizes(trial) }), ({ x }) => outputs(fn(x!)), {
      x: { shape: [rows!, 2], dtype: 'float32' },
    });
  return withOpenSizes([{ name: 'rows' }], trace, new Set());
}

const x = { shape: [3, 2], values: [1, 2, 3, 4, 5, 6] };

test('a graph traced with some numbers of rows runs with another', async () => {
  const graph = opened((x) => tf.sum(tf.reshape(tf.mul(x, 2), [x.shape[0]!, 1, 2]), 2));
  expect([...graph.inputs, ...graph.outputs].map(({ shape }) => shape)).toEqual([
    ['rows', 2],
    ['rows', 1],
  ]);
  expect((await runGraph(graph, { x })).y).toEqual([6, 14, 22]);
});

test.each<[string, (x: tf.Tensor) => tf.Tensor, number[]]>([
  [
    'a shape with two open sizes',
    (x) => tf.reshape(tf.outerProduct(...columns(x)), [x.shape[0]!, 1, x.shape[0]!]),
    [2, 4, 6, 6, 12, 18, 10, 20, 30],
  ],
  ['a number of the size', (x) => tf.div(tf.sum(x), tf.scalar(x.shape[0]!)), [7]],
  ['the inverse of the size', (x) => tf.mul(tf.sum(x), tf.scalar(1 / x.shape[0]!)), [7]],
  ['positions', (x) => tf.add(tf.range(0, x.shape[0]!), 0.5), [0.5, 1.5, 2.5]],
  ['zeros', (x) => tf.concat([x, tf.zeros([x.shape[0]!, 1])], 1), [1, 2, 0, 3, 4, 0, 5, 6, 0]],
  ['all but the last row', (x) => tf.slice(x, [0, 0], [x.shape[0]! - 1, 2]), [1, 2, 3, 4]],
  [
    'the size of a value that is computed',
    (x) => ((y) => tf.reshape(tf.tile(y, [2, 1]), [y.shape[0]! * 4]))(tf.concat([x, tf.slice(x, [0, 0], [1, 2])], 0)),
    [1, 2, 3, 4, 5, 6, 1, 2, 1, 2, 3, 4, 5, 6, 1, 2],
  ],
  [
    'arithmetic of shapes',
    (x) =>
      tf.reshape(
        x,
        [...tf.mul(tf.tensor1d(x.shape, 'int32'), tf.tensor1d([2, 0], 'int32')).dataSync()].filter(Boolean),
      ),
    [1, 2, 3, 4, 5, 6],
  ],
])('left open: %s', async (_, fn, expected) => {
  const { y } = await runGraph(opened(fn), { x });
  expect(y).toEqual(expected.map((value) => expect.closeTo(value, 5)));
});

const columns = (x: tf.Tensor) =>
  [0, 1].map((k) => tf.reshape(tf.slice(x, [0, k], [x.shape[0]!, 1]), [x.shape[0]!])) as [tf.Tensor1D, tf.Tensor1D];

test('what cannot be left open is refused, and the operator is named', () => {
  const refused = "the size of 'rows' cannot be left open: ";
  expect(() => opened((x) => tf.addN(tf.unstack(x)))).toThrow(`${refused}Split`);
  const numbered = (x: tf.Tensor) => tf.add(x, tf.randomNormal(x.shape, 0, 1, 'float32', 7));
  expect(() => opened(numbered)).toThrow(`${refused}Add takes as a constant what depends on it`);
});
