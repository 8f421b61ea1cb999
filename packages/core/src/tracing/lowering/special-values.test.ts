/**
 * Holds traced kernels to the cpu backend where values are not ordinary: NaN, infinities, numbers near zero, saturation,
 * ids out of range, large integers.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import type { NamedTensors } from '../../tensors/named-tensors.js';
import { integers } from '../../testing/kernel-cases.js';
import { runGraph, type Values } from '../../testing/onnx-runtime.js';
import { trace } from '../trace.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const magnitudes = [
  1e-30,
  3e-12,
  1e-8,
  2e-7,
  1e-4,
  3e-3,
  0.2,
  0.5,
  1,
  2.5,
  20,
  80,
  1e4,
  1e30,
  Number.POSITIVE_INFINITY,
];
const special: Values = { shape: [32], values: [Number.NaN, 0, ...magnitudes, ...magnitudes.map((x) => -x)] };
const other: Values = { shape: [32], values: special.values.map((_, k) => (k % 3 === 0 ? Number.NaN : Math.sin(k))) };
const divergedRows = [
  ...[Number.NaN, 2, 1, 0, -1, 3],
  ...[1, Number.NaN, 3, 2, 0, -2],
  ...[-5, -4, -7, -9, -6, Number.NaN],
  ...[Number.NEGATIVE_INFINITY, Number.NaN, Number.POSITIVE_INFINITY, 0, 1, 2],
  ...[1, 2, 3, 3, 2, 1],
  ...Array(6).fill(Number.NaN),
];
const numbers: Values = { shape: [31], values: special.values.slice(1) };
const notTiny: Values = { shape: [28], values: special.values.filter((x) => !(x !== 0 && Math.abs(x) < 1e-10)) };
const rows: Values = { shape: [6, 6], values: divergedRows };
const image: Values = { shape: [1, 6, 6, 1], values: divergedRows };

type Fn = (inputs: NamedTensors) => tf.Tensor;
type Case = [name: string, fn: Fn, inputs: Readonly<Record<string, Values>>];

const unary = (...ops: ((x: tf.Tensor) => tf.Tensor)[]): Case[] =>
  ops.map((op) => [op.name.replace(/_.*/, ''), ({ x }) => op(x!), { x: special }]);
const binary = (...ops: ((a: tf.Tensor, b: tf.Tensor) => tf.Tensor)[]): Case[] =>
  ops.map((op) => [op.name.replace(/_.*/, ''), ({ x, y }) => op(x!, y!), { x: special, y: other }]);
const slopes = (...ops: ((x: tf.Tensor) => tf.Tensor)[]): Case[] =>
  ops.map((op) => [`gradient of ${op.name.replace(/_.*/, '')}`, ({ x }) => tf.grad((t) => op(t))(x!), { x: special }]);
const strided = (name: string, ...args: number[][]) => {
  const [begin, end, strides, masks = []] = args as [number[], number[], number[], number[]?];
  // The addend shows whether the slice has its shape when the graph runs.
  const fn: Fn = ({ x }) => {
    const slice = tf.stridedSlice(x!, begin, end, strides, ...masks);
    return tf.add(slice, tf.reshape(tf.range(0, slice.size), slice.shape));
  };
  return [name, fn, { x: cube }] satisfies Case;
};
const cube: Values = { shape: [2, 3, 4], values: Array.from({ length: 24 }, (_, k) => k) };

const cases: Case[] = [
  ...unary(tf.abs, tf.neg, tf.step, tf.square, tf.reciprocal, tf.sqrt, tf.rsqrt, tf.floor, tf.ceil, tf.round),
  ...unary(tf.exp, tf.expm1, tf.log, tf.log1p, tf.tanh, tf.softplus),
  ...unary(tf.relu, tf.relu6, tf.leakyRelu),
  ...slopes(tf.abs, tf.relu, tf.relu6, tf.elu, tf.selu, tf.leakyRelu, tf.log1p, tf.expm1, tf.tanh),
  ...binary(tf.maximum, tf.minimum, tf.add, tf.mul, tf.sub, tf.prelu, tf.squaredDifference),
  ...binary(tf.greater, tf.greaterEqual, tf.less, tf.lessEqual, tf.equal, tf.notEqual),
  // Below 1e-10 the cpu backend's own elu and selu lose digits.
  ['elu', ({ x }) => tf.elu(x!), { x: notTiny }],
  ['selu', ({ x }) => tf.selu(x!), { x: notTiny }],
  ['sign', ({ x }) => tf.sign(x!), { x: numbers }],
  // Sigmoid of ONNX Runtime is 0 below −18. The cpu backend's erf has an error of 1e-9, which hides the values near zero.
  ['sigmoid', ({ x }) => tf.sigmoid(x!), { x: { shape: [5], values: [-5, -1, 0, 17, Number.POSITIVE_INFINITY] } }],
  ['erf', ({ x }) => tf.erf(x!), { x: { shape: [4], values: [-2, -0.5, 0.5, 80] } }],
  ['clipByValue', ({ x }) => tf.clipByValue(x!, -0.5, 0.5), { x: special }],
  ['step with alpha', ({ x }) => tf.step(x!, 0.25), { x: special }],
  ...[tf.max, tf.min, tf.sum, tf.mean, tf.prod].flatMap((op): Case[] => [
    [`${op.name.replace(/_.*/, '')} of rows`, ({ x }) => op(x!, 1), { x: rows }],
    [`${op.name.replace(/_.*/, '')} of columns`, ({ x }) => op(x!, 0, true), { x: rows }],
    [op.name.replace(/_.*/, ''), ({ x }) => op(x!), { x: rows }],
  ]),
  ...[tf.argMax, tf.argMin].flatMap((op): Case[] => [
    [`${op.name.replace(/_.*/, '')} of rows`, ({ x }) => op(x!, 1), { x: rows }],
    [`${op.name.replace(/_.*/, '')} of columns`, ({ x }) => op(x!, 0), { x: rows }],
  ]),
  ...[tf.max, tf.min, tf.argMax, tf.argMin].map(
    (op): Case => [
      `${op.name.replace(/_.*/, '')} of long rows`,
      ({ x }) => op(x!, 1),
      {
        x: {
          shape: [3, 99],
          values: Array.from({ length: 297 }, (_, k) => (k % 70 === 20 ? Number.NaN : Math.sin(k))),
        },
      },
    ],
  ),
  ['softmax', ({ x }) => tf.softmax(x!), { x: rows }],
  ['maxPool', ({ x }) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid'), { x: image }],
  ['overlapping maxPool', ({ x }) => tf.maxPool(x as tf.Tensor4D, 3, 1, 'same'), { x: image }],
  ['avgPool', ({ x }) => tf.avgPool(x as tf.Tensor4D, 2, 2, 'valid'), { x: image }],
  ['products with small scalars', ({ x }) => tf.mul(tf.mul(x!, 1e-30), 1e-30), { x: special }],
  ['products with large scalars', ({ x }) => tf.mul(tf.mul(x!, 1e30), 1e30), { x: special }],
  ['products with scalars that cancel', ({ x }) => tf.mul(tf.mul(x!, 1e-30), 1e30), { x: special }],
  ...[
    [3, 0],
    [0, 3],
    [3, 3],
    [3, 0, -1],
    [0, 3, -1],
    [3, 0, 2],
    [5, 0, -2],
    [0, 1, 0.1],
    [1, 0, 0.25],
    [0.5, 4],
  ].map(
    ([start, stop, step]): Case => [
      `range(${[start, stop, step ?? []].flat().join(', ')})`,
      ({ x }) => tf.concat([x!, tf.range(start!, stop!, step)]),
      { x: special },
    ],
  ),
  ['range of int32', ({ x }) => tf.add(x!, tf.range(2, 0, 1, 'int32')), { x: integers([2], [1, 2]) }],
  ['fill of int32', ({ x }) => tf.add(x!, tf.fill([2], 16777217, 'int32')), { x: integers([2], [0, 1]) }],
  ['fill of large int32', ({ x }) => tf.add(x!, tf.fill([2], 2147483647, 'int32')), { x: integers([2], [0, -1]) }],
  [
    'unsortedSegmentSum',
    ({ x, ids }) => tf.unsortedSegmentSum(x!, ids as tf.Tensor1D, 3),
    { x: { shape: [6, 2], values: cube.values.slice(1, 13) }, ids: integers([6], [0, -1, 2, 3, 0, -7]) },
  ],
  strided('x[:, 1]', [0, 1], [2, 2], [1, 1], [3, 3, 0, 0, 2]),
  strided('x[1]', [1], [2], [1], [0, 0, 0, 0, 1]),
  strided('x[-1, :, -2]', [-1, 0, -2], [0, 0, 0], [1, 1, 1], [2, 2, 0, 0, 5]),
  strided('x[0, 1, 2]', [0, 1, 2], [1, 2, 3], [1, 1, 1], [0, 0, 0, 0, 7]),
  strided('x[..., 0]', [0, 0], [0, 1], [1, 1], [0, 0, 1, 0, 2]),
  strided('x[..., 1:3]', [0, 1], [0, 3], [1, 1], [0, 0, 1]),
  strided('x[:, newaxis, 1:]', [0, 0, 1], [0, 0, 0], [1, 1, 1], [1, 5, 0, 2]),
  strided('x[newaxis, 1, ..., newaxis]', [0, 1, 0, 0], [0, 2, 0, 0], [1, 1, 1, 1], [0, 0, 4, 9, 2]),
  strided('x[:, ::-1, ::2]', [0, 0, 0], [0, 0, 0], [1, -1, 2], [7, 7]),
  strided('x[:, 2:0:-1]', [0, 2], [0, 0], [1, -1], [1, 1]),
  strided('x[newaxis, ::-1]', [0, 0], [0, 0], [1, -1], [2, 2, 0, 1]),
];

test('sign keeps NaN, as TensorFlow does; the cpu backend gives 0', async () => {
  const graph = trace(({ x }) => ({ y: tf.sign(x!) }), { x: { shape: [2], dtype: 'float32' } });
  expect(await runGraph(graph, { x: { shape: [2], values: [Number.NaN, -3] } })).toEqual({ y: [Number.NaN, -1] });
});

test('slices with a stride and a dropped axis have the values of TensorFlow, where the cpu backend errs', async () => {
  const graph = trace(({ x }) => ({ y: tf.stridedSlice(x!, [0, 1, 0], [2, 2, 4], [1, 1, 2], 0, 0, 0, 0, 2) }), {
    x: { shape: [2, 3, 4], dtype: 'float32' },
  });
  expect(graph.outputs[0]!.shape).toEqual([2, 2]);
  expect(await runGraph(graph, { x: cube })).toEqual({ y: [4, 6, 16, 18] });
});

test.each(cases)('%s, traced, computes what the cpu backend computes', async (_, fn, inputs) => {
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, { values, shape, dtype }]) => [name, tf.tensor([...values], [...shape], dtype)]),
  );
  const specs = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, dtype = 'float32' }]) => [name, { shape, dtype }]),
  );
  const expected = fn(tensors);
  const graph = trace((traced) => ({ result: fn(traced) }), specs);
  const { result } = await runGraph(graph, inputs);

  expect(graph.outputs).toEqual([{ name: 'result', shape: expected.shape, dtype: expected.dtype }]);
  expect(differences([...result!], [...expected.dataSync()], inputs.x!.values)).toEqual([]);
});

const smallestNormal = 2 ** -126;

/** Lists the values that differ by more than 1e-5 of their size; NaN equals NaN. */
function differences(actual: number[], expected: number[], xs: readonly number[]): string[] {
  if (actual.length !== expected.length) return [`${actual.length} values instead of ${expected.length}`];
  return expected.flatMap((value, k) => {
    const found = actual[k]!;
    if (Object.is(found + 0, value + 0) || Math.abs(found - value) <= 1e-5 * Math.abs(value) + smallestNormal)
      return [];
    return [`at ${k} (x = ${xs[k]}): ${found} instead of ${value}`];
  });
}
