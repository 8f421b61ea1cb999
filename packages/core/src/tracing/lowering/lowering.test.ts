import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { runGraph, type Values } from '../../testing/onnx-runtime.js';
import { type NamedTensors, trace } from '../trace.js';
import { elementwise } from './elementwise.js';
import { indexing } from './indexing.js';
import { matrix } from './matrix.js';
import { reduction } from './reduction.js';
import { shape } from './shape.js';

interface Case {
  readonly inputs: Readonly<Record<string, Values>>;
  readonly fn: (inputs: NamedTensors) => tf.Tensor | tf.Tensor[];
}

/** Deterministic values in [-1, 1] that neither repeat nor line up. */
function floats(...dims: number[]): Values {
  const count = dims.reduce((a, b) => a * b, 1);
  return { shape: dims, values: Array.from({ length: count }, (_, k) => Math.fround(Math.sin(12.9898 * (k + 1)))) };
}

function positive(...dims: number[]): Values {
  return { shape: dims, values: floats(...dims).values.map((value) => Math.fround(Math.abs(value) + 0.1)) };
}

const integers = (dims: number[], values: number[]): Values => ({ shape: dims, values, dtype: 'int32' });
const booleans = (dims: number[], values: number[]): Values => ({ shape: dims, values, dtype: 'bool' });

type Unary = (x: tf.Tensor) => tf.Tensor | tf.Tensor[];
type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

const of = (fn: Unary, ...inputs: Values[]): Case[] =>
  inputs.map((x) => ({ inputs: { x }, fn: ({ x }) => fn(x as tf.Tensor) }));
const between = (fn: Binary, ...pairs: [Values, Values][]): Case[] =>
  pairs.map(([a, b]) => ({ inputs: { a, b }, fn: ({ a, b }) => fn(a as tf.Tensor, b as tf.Tensor) }));

const matrices: [Values, Values] = [floats(3, 4), positive(3, 4)];
const broadcasting: [Values, Values] = [floats(2, 3, 4), positive(3, 1)];
const whole: [Values, Values] = [integers([2, 2], [1, 2, 3, 4]), integers([2, 2], [4, 2, 0, 4])];
const flags: [Values, Values] = [booleans([4], [0, 0, 1, 1]), booleans([4], [0, 1, 0, 1])];

const cases: Record<string, Case[]> = {
  // elementwise
  Add: [...between(tf.add, matrices, broadcasting, whole), ...of((x) => tf.add(x, tf.zeros([2, 3])), floats(3))],
  AddN: of((x) => tf.addN([x, tf.mul(x, 2), tf.mul(x, 3)]), floats(2, 3)),
  Sub: between(tf.sub, matrices, broadcasting, whole),
  Multiply: between(tf.mul, matrices, broadcasting, whole),
  RealDiv: between(tf.div, matrices, broadcasting),
  Maximum: between(tf.maximum, matrices, broadcasting, whole),
  Minimum: between(tf.minimum, matrices, broadcasting, whole),
  Pow: between((a, b) => tf.pow(b, a), matrices, broadcasting),
  Greater: between(tf.greater, matrices, broadcasting, whole),
  GreaterEqual: between(tf.greaterEqual, matrices, whole),
  Less: between(tf.less, matrices, whole),
  LessEqual: between(tf.lessEqual, matrices, whole),
  Equal: between(tf.equal, matrices, whole, flags),
  NotEqual: between(tf.notEqual, matrices, whole, flags),
  LogicalAnd: between(tf.logicalAnd, flags),
  LogicalOr: between(tf.logicalOr, flags),
  LogicalNot: of(tf.logicalNot, flags[0]),
  Neg: of(tf.neg, floats(2, 3), whole[0]),
  Abs: of(tf.abs, floats(2, 3), integers([2], [-3, 3])),
  Sign: of(tf.sign, { shape: [4], values: [-2.5, 0, 0.25, 7] }),
  Exp: of(tf.exp, floats(2, 3)),
  Log: of(tf.log, positive(2, 3)),
  Sqrt: of(tf.sqrt, positive(2, 3)),
  Rsqrt: of(tf.rsqrt, positive(2, 3)),
  Reciprocal: of(tf.reciprocal, positive(2, 3)),
  Square: of(tf.square, floats(2, 3)),
  SquaredDifference: between(tf.squaredDifference, matrices, broadcasting),
  Tanh: of(tf.tanh, floats(2, 3)),
  Sigmoid: of(tf.sigmoid, floats(2, 3)),
  Relu: of(tf.relu, floats(2, 3)),
  Elu: of(tf.elu, floats(2, 3)),
  Softplus: of(tf.softplus, floats(2, 3)),
  Step: [
    ...of((x) => tf.step(x), { shape: [3], values: [-1, 0, 2] }),
    ...of((x) => tf.step(x, 0.3), { shape: [3], values: [-1, 0, 2] }),
  ],
  ClipByValue: of((x) => tf.clipByValue(x, -0.5, 0.25), floats(2, 3)),
  Select: [
    {
      inputs: { condition: booleans([2, 2], [1, 0, 0, 1]), a: floats(2, 2), b: positive(2, 2) },
      fn: ({ condition, a, b }) => tf.where(condition!, a!, b!),
    },
    {
      inputs: { condition: booleans([2, 1], [1, 0]), a: floats(2, 2), b: positive(2) },
      fn: ({ condition, a, b }) => tf.where(condition!, a!, b!),
    },
  ],
  Cast: [
    ...of((x) => tf.cast(x, 'int32'), { shape: [4], values: [-1.7, -0.2, 0.9, 2.5] }, booleans([2], [0, 1])),
    ...of((x) => tf.cast(x, 'float32'), integers([3], [-1, 0, 5]), booleans([2], [0, 1])),
    ...of((x) => tf.cast(x, 'bool'), { shape: [3], values: [0, 0.5, -3] }, integers([3], [0, 1, 7])),
  ],
  Softmax: of((x) => tf.softmax(x), floats(2, 5), floats(2, 2, 3)),
  // matrix products
  BatchMatMul: [
    ...between((a, b) => tf.matMul(a, b), [floats(3, 4), floats(4, 2)], [floats(2, 3, 4), floats(2, 4, 5)]),
    ...between((a, b) => tf.matMul(a, b, true, true), [floats(4, 3), floats(2, 4)], [floats(2, 4, 3), floats(2, 5, 4)]),
    ...between((a, b) => tf.matMul(a, b), [floats(2, 3, 4), floats(1, 4, 5)], [floats(1, 3, 4), floats(1, 4, 5)]),
  ],
  _FusedMatMul: (['linear', 'relu', 'sigmoid', 'elu'] as const).map((activation) => ({
    inputs: { a: floats(3, 4), b: floats(4, 2), bias: floats(2) },
    fn: ({ a, b, bias }) => tf.fused.matMul({ a: a!, b: b!, bias: bias!, activation }),
  })),
  // shape
  Identity: of(tf.clone, floats(2, 3)),
  Reshape: [
    ...of((x) => tf.reshape(x, [3, -1]), floats(2, 3), integers([6], [1, 2, 3, 4, 5, 6])),
    ...of((x) => tf.add(tf.reshape(tf.tensor1d([1, 2, 3, 4]), [2, 2]), x), floats(2, 2)),
  ],
  ExpandDims: [0, 1, -1].flatMap((axis) => of((x) => tf.expandDims(x, axis), floats(2, 3))),
  Transpose: [
    ...of((x) => tf.transpose(x), floats(2, 3, 4)),
    ...of((x) => tf.transpose(x, [1, 0, 2]), floats(2, 3, 4)),
  ],
  Concat: [
    ...between((a, b) => tf.concat([a, b], 1), [floats(2, 3), positive(2, 1)], [floats(2, 3), positive(2, 0)]),
    ...between((a, b) => tf.concat([a, b], -1), [floats(2, 3), positive(2, 1)]),
  ],
  SplitV: [
    ...of((x) => tf.split(x, 2, 1), floats(3, 4)),
    ...of((x) => tf.split(x, [1, 3], -1), floats(3, 4)),
    ...of((x) => tf.split(x, [1, -1], 0), floats(3, 4)),
  ],
  Slice: of((x) => tf.slice(x, [1, 0], [-1, 2]), floats(3, 4)),
  StridedSlice: [
    ...of((x) => tf.stridedSlice(x, [0, 1], [3, 4], [2, 2]), floats(3, 4)),
    ...of((x) => tf.stridedSlice(x, [-1, 3], [-4, 0], [-1, -2]), floats(3, 4)),
    ...of((x) => tf.stridedSlice(x, [0, 1], [0, 2], [1, 1], 0b01, 0b01, 0, 0, 0b10), floats(3, 4)),
    ...of((x) => tf.stridedSlice(x, [0, 1], [0, 3], [1, 1], 0, 0, 0b01), floats(2, 3, 4)),
  ],
  Reverse: [...of((x) => tf.reverse(x), floats(2, 3)), ...of((x) => tf.reverse(x, [-1]), floats(2, 3))],
  Pack: [0, 1, -1].flatMap((axis) => between((a, b) => tf.stack([a, b], axis), [floats(2, 3), positive(2, 3)])),
  Unpack: [
    ...[0, 1, -1].flatMap((axis) => of((x) => tf.unstack(x, axis), floats(2, 3))),
    ...of((x) => tf.unstack(x, 0), floats(1, 3)),
  ],
  Tile: of((x) => tf.tile(x, [2, 3]), floats(2, 3), integers([1, 2], [4, 5])),
  PadV2: of(
    (x) =>
      tf.pad(
        x,
        [
          [1, 0],
          [0, 2],
        ],
        3,
      ),
    floats(2, 3),
    whole[0],
  ),
  Fill: [
    ...of((x) => tf.add(x, tf.fill([2, 2], 1.5)), floats(2, 2)),
    ...of((x) => tf.add(x, tf.fill([2, 2], 7, 'int32')), whole[0]),
  ],
  ZerosLike: [
    ...of((x) => tf.concat([x, tf.zerosLike(x)]), floats(2, 2), whole[0]),
    ...of((x) => tf.logicalOr(x, tf.zerosLike(x)), flags[0]),
  ],
  OnesLike: of((x) => tf.concat([x, tf.onesLike(x)]), floats(2, 2), whole[0]),
  Range: [
    ...of((x) => tf.add(x, tf.range(3, -1, -2)), floats(2)),
    ...of((x) => tf.add(x, tf.range(0, 2, 1, 'int32')), whole[0]),
  ],
  // indexing
  GatherV2: [0, 1, -1].flatMap((axis) => [
    {
      inputs: { x: floats(3, 3), indices: integers([2, 2], [2, 0, 1, 2]) },
      fn: ({ x, indices }) => tf.gather(x!, indices as tf.Tensor1D, axis),
    },
  ]),
  GatherNd: [
    {
      inputs: { x: floats(3, 4), indices: integers([2, 2], [2, 0, 1, 3]) },
      fn: ({ x, indices }) => tf.gatherND(x!, indices!),
    },
    {
      inputs: { x: floats(3, 4), indices: integers([2, 1], [2, 0]) },
      fn: ({ x, indices }) => tf.gatherND(x!, indices!),
    },
  ],
  OneHot: [
    ...of((x) => tf.oneHot(x as tf.Tensor1D, 4), integers([3], [2, 0, 3])),
    ...of((x) => tf.oneHot(x as tf.Tensor1D, 3, 0.9, 0.05, 'float32'), integers([2], [2, 0])),
  ],
  // reductions
  Sum: [
    ...of((x) => tf.sum(x), floats(2, 3, 4), whole[0], flags[0]),
    ...of((x) => tf.sum(x, 1), floats(2, 3, 4)),
    ...of((x) => tf.sum(x, [0, -1], true), floats(2, 3, 4)),
    ...of((x) => tf.sum(x, []), floats(2, 3)),
  ],
  Mean: [...of((x) => tf.mean(x), floats(2, 3), whole[0]), ...of((x) => tf.mean(x, 1, true), floats(2, 3))],
  Max: [...of((x) => tf.max(x), floats(2, 3), whole[0]), ...of((x) => tf.max(x, 1, true), floats(2, 3))],
  Min: [...of((x) => tf.min(x), floats(2, 3)), ...of((x) => tf.min(x, [0, 1]), floats(2, 3))],
  Prod: [...of((x) => tf.prod(x), floats(2, 3)), ...of((x) => tf.prod(x, 1, true), floats(2, 3))],
  ArgMax: [0, -1].flatMap((axis) => of((x) => tf.argMax(x, axis), floats(2, 3))),
  ArgMin: [0, -1].flatMap((axis) => of((x) => tf.argMin(x, axis), floats(2, 3))),
};

beforeAll(async () => {
  await tf.setBackend('cpu');
});

test('every lowering of a TensorFlow.js kernel has its cases here', () => {
  const lowered = [elementwise, matrix, shape, indexing, reduction].flatMap((table) => Object.keys(table));
  expect(Object.keys(cases).sort()).toEqual(lowered.sort());
});

const named = (result: tf.Tensor | tf.Tensor[]): NamedTensors =>
  Object.fromEntries([result].flat().map((tensor, k) => [`output.${k}`, tensor]));

describe.each(Object.entries(cases))('%s', (kernelName, kernelCases) => {
  test.each(kernelCases.map((kernelCase) => [signature(kernelCase), kernelCase] as const))(
    'of %s, traced, computes what the cpu backend computes',
    async (_, { inputs, fn }) => {
      const tensors = Object.fromEntries(
        Object.entries(inputs).map(([name, { values, shape, dtype }]) => [
          name,
          tf.tensor([...values], [...shape], dtype),
        ]),
      );
      let expected: NamedTensors = {};
      const { kernelNames } = await tf.profile(() => {
        expected = named(fn(tensors));
        return Object.values(expected);
      });
      expect(kernelNames).toContain(kernelName);

      const specs = Object.entries(inputs).map(([name, { shape, dtype = 'float32' }]) => [name, { shape, dtype }]);
      const graph = trace((traced) => named(fn(traced)), Object.fromEntries(specs));
      const actual = await runGraph(graph, inputs);

      expect(graph.outputs).toEqual(
        Object.entries(expected).map(([name, { shape, dtype }]) => ({ name, shape, dtype })),
      );
      for (const [name, tensor] of Object.entries(expected)) {
        const values = Array.from(tensor.dataSync());
        expect(actual[name]).toHaveLength(values.length);
        values.forEach((value, k) => {
          expect(actual[name]![k]).toBeCloseTo(value, 5);
        });
      }
    },
  );
});

function signature({ inputs }: Case): string {
  return Object.values(inputs)
    .map(({ shape, dtype = 'float32' }) => `${dtype} [${shape.join(', ')}]`)
    .join(' and ');
}
