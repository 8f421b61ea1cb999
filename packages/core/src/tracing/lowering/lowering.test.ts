import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../../tensors/named-tensors.js';
import { booleans, describeKernels, floats, integers, type KernelCase, positive } from '../../testing/kernel-cases.js';
import type { Values } from '../../testing/onnx-runtime.js';
import { elementwise } from './elementwise.js';
import { indexing } from './indexing.js';
import { matrix } from './matrix.js';
import { reduction } from './reduction.js';
import { shape } from './shape.js';

type Unary = (x: tf.Tensor) => tf.Tensor | tf.Tensor[];
type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

const of = (fn: Unary, ...inputs: Values[]): KernelCase[] =>
  inputs.map((x) => ({ inputs: { x }, fn: ({ x }) => fn(x as tf.Tensor) }));
const between = (fn: Binary, ...pairs: [Values, Values][]): KernelCase[] =>
  pairs.map(([a, b]) => ({ inputs: { a, b }, fn: ({ a, b }) => fn(a as tf.Tensor, b as tf.Tensor) }));

/** The gradient of the sum of the outputs of `fn`, each with a different weight. */
function gradientOf(fn: (x: tf.Tensor) => tf.Tensor): Unary {
  return tf.grad((x) => {
    const y = fn(x);
    return tf.sum(tf.mul(y, tf.reshape(tf.range(1, y.size + 1), y.shape)));
  });
}

const matrices: [Values, Values] = [floats(3, 4), positive(3, 4)];
const broadcasting: [Values, Values] = [floats(2, 3, 4), positive(3, 1)];
const whole: [Values, Values] = [integers([2, 2], [1, 2, 3, 4]), integers([2, 2], [4, 2, 0, 4])];
const flags: [Values, Values] = [booleans([4], [0, 0, 1, 1]), booleans([4], [0, 1, 0, 1])];

const cases: Record<string, KernelCase[]> = {
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
  Exp: of(tf.exp, floats(2, 3), integers([3], [-1, 0, 2])),
  Log: of(tf.log, positive(2, 3)),
  Sqrt: of(tf.sqrt, positive(2, 3)),
  Rsqrt: of(tf.rsqrt, positive(2, 3)),
  Reciprocal: of(tf.reciprocal, positive(2, 3)),
  Square: of(tf.square, floats(2, 3)),
  SquaredDifference: between(tf.squaredDifference, matrices, broadcasting),
  Sigmoid: of(tf.sigmoid, floats(2, 3)),
  Relu: of(tf.relu, floats(2, 3)),
  Elu: of(tf.elu, floats(2, 3)),
  Relu6: of((x) => tf.relu6(tf.mul(x, 9)), floats(2, 3), integers([3], [-1, 0, 2])),
  LeakyRelu: of((x) => tf.leakyRelu(x, 0.3), floats(2, 3), integers([3], [-7, 0, 2])),
  Prelu: between((x, alpha) => tf.prelu(x, alpha), [floats(2, 3), positive(3)]),
  Selu: of(tf.selu, floats(2, 3)),
  EluGrad: of(gradientOf(tf.elu), floats(2, 3)),
  Erf: of(tf.erf, floats(2, 3)),
  Log1p: of(tf.log1p, positive(2, 3)),
  Expm1: of(tf.expm1, floats(2, 3)),
  IsNan: of(tf.isNaN, floats(2, 3), integers([2], [-3, 3])),
  IsInf: of(tf.isInf, floats(2, 3)),
  IsFinite: of(tf.isFinite, floats(2, 3)),
  Floor: of((x) => tf.floor(tf.mul(x, 5)), floats(2, 3)),
  Ceil: of((x) => tf.ceil(tf.mul(x, 5)), floats(2, 3)),
  Round: of(tf.round, { shape: [5], values: [-1.5, -0.4, 0.5, 1.5, 2.6] }, integers([2], [-3, 3])),
  Softplus: of(tf.softplus, floats(2, 3)),
  Step: [
    ...of((x) => tf.step(x), { shape: [3], values: [-1, 0, 2] }),
    ...of((x) => tf.step(x, 0.3), { shape: [3], values: [-1, 0, 2] }),
    ...of((x) => tf.step(x), integers([3], [-1, 0, 2])),
  ],
  ClipByValue: [
    ...of((x) => tf.clipByValue(x, -0.5, 0.25), floats(2, 3)),
    ...of((x) => tf.clipByValue(x, 0.5, 2.5), integers([6], [-3, -1, 0, 1, 2, 7])),
    ...of((x) => tf.clipByValue(x, 0, Number.POSITIVE_INFINITY), integers([3], [-3, 0, 7])),
  ],
  Select: [
    {
      inputs: { condition: booleans([2, 2], [1, 0, 0, 1]), a: floats(2, 2), b: positive(2, 2) },
      fn: ({ condition, a, b }) => tf.where(condition!, a!, b!),
    },
    {
      inputs: { condition: booleans([2, 1], [1, 0]), a: floats(2, 2), b: positive(2) },
      fn: ({ condition, a, b }) => tf.where(condition!, a!, b!),
    },
    {
      inputs: { condition: booleans([4], [1, 1, 0, 0]), a: flags[1], b: booleans([4], [1, 1, 1, 0]) },
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
    ...between((a, b) => tf.matMul(a, b), whole),
    ...between((a, b) => tf.matMul(a, b, true, true), [floats(4, 3), floats(2, 4)], [floats(2, 4, 3), floats(2, 5, 4)]),
    ...between((a, b) => tf.matMul(a, b), [floats(2, 3, 4), floats(1, 4, 5)], [floats(1, 3, 4), floats(1, 4, 5)]),
  ],
  _FusedMatMul: [
    ...(['linear', 'relu', 'relu6', 'sigmoid', 'elu', 'leakyrelu'] as const).map((activation) => ({
      inputs: { a: floats(3, 4), b: floats(4, 2), bias: floats(2) },
      fn: ({ a, b, bias }: NamedTensors) => tf.fused.matMul({ a: a!, b: b!, bias: bias!, activation }),
    })),
    {
      inputs: { a: floats(3, 4), b: floats(4, 2), slope: positive(2) },
      fn: ({ a, b, slope }) => tf.fused.matMul({ a: a!, b: b!, activation: 'prelu', preluActivationWeights: slope! }),
    },
    {
      inputs: { a: floats(2, 3, 4), b: floats(2, 4, 2), bias: floats(2) },
      fn: ({ a, b, bias }) => tf.fused.matMul({ a: a!, b: b!, bias: bias! }),
    },
  ],
  Einsum: between((a, b) => tf.einsum('ij,jk->ki', a, b), [floats(3, 4), floats(4, 2)]),
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
  LinSpace: of((x) => tf.add(x, tf.linspace(1, 4, 3)), floats(3)),
  BroadcastArgs: between(tf.broadcastArgs, [integers([3], [2, 1, 4]), integers([2], [3, 1])]),
  // indexing
  GatherV2: [0, 1, -1].flatMap((axis) => [
    {
      inputs: { x: floats(3, 3), indices: integers([2, 2], [2, 0, 1, 2]) },
      fn: ({ x, indices }) => tf.gather(x!, indices as tf.Tensor1D, axis),
    },
  ]),
  TensorScatterUpdate: [
    {
      inputs: { x: floats(4, 3), indices: integers([2, 1], [2, 0]), updates: floats(2, 3) },
      fn: ({ x, indices, updates }) => tf.tensorScatterUpdate(x!, indices! as tf.Tensor2D, updates!),
    },
  ],
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
  UnsortedSegmentSum: [
    {
      inputs: { x: floats(5, 2, 3), ids: integers([5], [1, 0, 1, 1, 3]) },
      fn: ({ x, ids }) => tf.unsortedSegmentSum(x!, ids as tf.Tensor1D, 4),
    },
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
  All: [...of((x) => tf.all(x), flags[0]), ...of((x) => tf.all(x, 1, true), booleans([2, 2], [1, 1, 0, 1]))],
  Any: [...of((x) => tf.any(x), flags[0]), ...of((x) => tf.any(x, 1, true), booleans([2, 2], [0, 0, 0, 1]))],
  ArgMax: [0, -1].flatMap((axis) => of((x) => tf.argMax(x, axis), floats(2, 3))),
  ArgMin: [0, -1].flatMap((axis) => of((x) => tf.argMin(x, axis), floats(2, 3))),
};

describeKernels([elementwise, matrix, shape, indexing, reduction], cases);
