/** Kernels that move or create elements without computing: reshape, transpose, slice, concat, fill. */

import * as tf from '@tensorflow/tfjs-core';
import { backend_util, type DataType, slice_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { GraphRecorder } from '../recorder.js';
import { byOps } from './by-ops.js';
import { castTo } from './casting.js';
import type { Lowering, LoweringTable } from './lowering.js';

const identity: Lowering = ({ inputs: { x }, graph }) => graph.alias(x!);

function reshaped(graph: GraphRecorder, x: TensorInfo, shape: number[]): TensorInfo {
  const values = graph.valuesOf(x.dataId);
  if (values) return graph.constant(values, { shape, dtype: x.dtype });
  if (util.arraysEqual(shape, x.shape)) return graph.alias(x);
  return graph.emit('Reshape', [x, graph.int64(shape)], { shape, dtype: x.dtype });
}

const reshape: Lowering = ({ inputs: { x }, attrs, graph }) => {
  const shape = util.inferFromImplicitShape(attrs.shape as number[], util.sizeFromShape(x!.shape));
  return reshaped(graph, x!, shape);
};

const expandDims: Lowering = ({ inputs: { input }, attrs, graph }) => {
  const dim = attrs.dim as number;
  const axis = dim < 0 ? input!.shape.length + dim + 1 : dim;
  return reshaped(graph, input!, input!.shape.toSpliced(axis, 0, 1));
};

const transpose: Lowering = ({ inputs: { x }, attrs, graph }) => {
  const perm = attrs.perm as number[];
  const shape = perm.map((axis) => x!.shape[axis]!);
  return graph.emit('Transpose', [x!], { shape, dtype: x!.dtype }, { attributes: { perm: { ints: perm } } });
};

/** Converts a part of a tensor of another type, whose elements are stored without their fractions. */
function asPart(graph: GraphRecorder, part: TensorInfo, dtype: DataType): TensorInfo {
  return dtype === 'bool' ? castTo(graph, castTo(graph, part, 'int32'), dtype) : castTo(graph, part, dtype);
}

const concat: Lowering = ({ inputs, attrs, graph }) => {
  const dtype = Object.values(inputs)[0]!.dtype;
  const parts = Object.values(inputs).map((part) => asPart(graph, part, dtype));
  const axis = util.parseAxisParam(attrs.axis as number, parts[0]!.shape)[0]!;
  const nonEmpty = parts.filter((part) => util.sizeFromShape(part.shape) > 0);
  if (nonEmpty.length === 1) return graph.alias(nonEmpty[0]!);
  const shape = backend_util.computeOutShape(
    parts.map((part) => part.shape),
    axis,
  );
  return graph.emit('Concat', nonEmpty, { shape, dtype: parts[0]!.dtype }, { attributes: { axis: { i: axis } } });
};

const splitV: Lowering = ({ inputs: { x }, attrs, graph }) => {
  const axis = util.parseAxisParam(attrs.axis as number, x!.shape)[0]!;
  const sizes = backend_util.prepareSplitSize(
    x as Parameters<typeof backend_util.prepareSplitSize>[0],
    attrs.numOrSizeSplits as number | number[],
    axis,
  );
  const outputs = sizes.map((size) => ({ shape: x!.shape.with(axis, size), dtype: x!.dtype }));
  return graph.emitMany('Split', [x!, graph.int64(sizes)], outputs, { attributes: { axis: { i: axis } } });
};

const slice: Lowering = ({ inputs: { x }, attrs, graph }) => {
  const [begin, size] = slice_util.parseSliceParams(
    x as Parameters<typeof slice_util.parseSliceParams>[0],
    attrs.begin as number[],
    attrs.size as number[],
  ) as [number[], number[]];
  const end = begin.map((start, axis) => start + size[axis]!);
  const positions = [begin, end, [...begin.keys()]].map((values) => graph.int64(values));
  return graph.emit('Slice', [x!, ...positions], { shape: size, dtype: x!.dtype });
};

const stridedSlice: Lowering = ({ inputs: { x }, attrs, graph }) => {
  const masks = ['beginMask', 'endMask', 'ellipsisMask', 'newAxisMask', 'shrinkAxisMask'] as const;
  const [beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask] = masks.map((mask) => attrs[mask] as number);
  const info = slice_util.sliceInfo(
    x!.shape,
    attrs.begin as number[],
    attrs.end as number[],
    attrs.strides as number[],
    beginMask!,
    endMask!,
    ellipsisMask!,
    newAxisMask!,
    shrinkAxisMask!,
  );
  // A backward slice that includes the first element ends before it; ONNX writes that end as a number below −size.
  const end = info.end.map((value, axis) => (info.strides[axis]! < 0 && value < 0 ? -x!.shape[axis]! - 1 : value));
  const positions = [info.begin, end, [...info.begin.keys()], info.strides].map((values) => graph.int64(values));
  // The axes that the shrink mask drops are still there, with one element, until the reshape.
  const shape = slice_util.computeOutShape(info.begin, info.end, info.strides).map((size) => Math.max(size, 0));
  if (shape.includes(0)) return graph.constant([], { shape: info.finalShape, dtype: x!.dtype });
  const sliced = graph.emit('Slice', [x!, ...positions], { shape, dtype: x!.dtype });
  return reshaped(graph, sliced, info.finalShape);
};

const reverse: Lowering = ({ inputs: { x }, attrs, graph }) => {
  const axes = util.parseAxisParam(attrs.dims as number[], x!.shape);
  if (axes.length === 0) return graph.alias(x!);
  const begin = axes.map(() => -1);
  const end = axes.map((axis) => -x!.shape[axis]! - 1);
  const positions = [begin, end, axes, axes.map(() => -1)].map((values) => graph.int64(values));
  return graph.emit('Slice', [x!, ...positions], x!);
};

const pack: Lowering = ({ inputs, attrs, graph }) => {
  const parts = Object.values(inputs);
  const rank = parts[0]!.shape.length;
  const axis = ((attrs.axis as number) + rank + 1) % (rank + 1);
  const columns = parts.map((part) => reshaped(graph, part, part.shape.toSpliced(axis, 0, 1)));
  const shape = parts[0]!.shape.toSpliced(axis, 0, parts.length);
  return graph.emit('Concat', columns, { shape, dtype: parts[0]!.dtype }, { attributes: { axis: { i: axis } } });
};

const unpack: Lowering = ({ inputs: { value }, attrs, graph }) => {
  const axis = ((attrs.axis as number) + value!.shape.length) % value!.shape.length;
  const count = value!.shape[axis]!;
  const shape = value!.shape.toSpliced(axis, 1);
  if (count === 1) return [reshaped(graph, value!, shape)];
  const parts = graph.emitMany(
    'Split',
    [value!, graph.int64(Array(count).fill(1))],
    Array.from({ length: count }, () => ({ shape: value!.shape.with(axis, 1), dtype: value!.dtype })),
    { attributes: { axis: { i: axis } } },
  );
  return parts.map((part) => reshaped(graph, part, shape));
};

const tile: Lowering = ({ inputs: { x }, attrs, graph }) => {
  const reps = attrs.reps as number[];
  const shape = x!.shape.map((dimension, axis) => dimension * reps[axis]!);
  return graph.emit('Tile', [x!, graph.int64(reps)], { shape, dtype: x!.dtype });
};

const padV2: Lowering = ({ inputs: { x }, attrs, graph }) => {
  const paddings = attrs.paddings as [number, number][];
  const shape = x!.shape.map((dimension, axis) => dimension + paddings[axis]![0] + paddings[axis]![1]);
  const pads = graph.int64([...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]);
  const value = graph.constant([attrs.constantValue as number], { shape: [], dtype: x!.dtype });
  return graph.emit('Pad', [x!, pads, value], { shape, dtype: x!.dtype });
};

function filled(graph: GraphRecorder, shape: number[], value: number, dtype: DataType): TensorInfo {
  const values = util.getTypedArrayFromDType(dtype as 'float32', util.sizeFromShape(shape));
  return graph.constant(values.fill(value), { shape, dtype });
}

const fill: Lowering = ({ attrs, graph }) =>
  filled(graph, attrs.shape as number[], attrs.value as number, (attrs.dtype as DataType) ?? 'float32');

const zerosLike: Lowering = ({ inputs: { x }, graph }) => filled(graph, x!.shape, 0, x!.dtype);
const onesLike: Lowering = ({ inputs: { x }, graph }) => filled(graph, x!.shape, 1, x!.dtype);

/** The number of elements that the cpu backend gives; a step of 1, the default, also counts down. */
function rangeLength(start: number, stop: number, step: number): number {
  const isEmpty = start === stop || (start < stop && step < 0) || (stop < start && step > 1);
  return isEmpty ? 0 : Math.abs(Math.ceil((stop - start) / step));
}

const range: Lowering = ({ attrs, graph }) => {
  const { start, stop, step, dtype } = attrs as unknown as {
    start: number;
    stop: number;
    step: number;
    dtype: DataType;
  };
  const values = util.makeZerosTypedArray(rangeLength(start, stop, step), dtype as 'float32');
  const increment = stop < start && step === 1 ? -1 : step;
  if (values.length > 0) values[0] = start;
  for (let k = 1; k < values.length; k++) values[k] = values[k - 1]! + increment;
  return graph.constant(values, { shape: [values.length], dtype });
};

/** The numbers that the cpu backend gives: rounded to float32 after each step. */
const linSpace: Lowering = ({ attrs, graph }) => {
  const { start, stop, num } = attrs as unknown as Record<'start' | 'stop' | 'num', number>;
  const values = new Float32Array(num);
  for (let k = 0; k < num; k++) values[k] = k === 0 ? start : values[k - 1]! + (stop - start) / (num - 1);
  return graph.constant(values, { shape: [num], dtype: 'float32' });
};

/** The shape to which two shapes broadcast; they may be known only when the graph runs. */
const broadcastArgs = byOps(({ s0, s1 }) => {
  const rank = Math.max(s0!.size, s1!.size);
  const [a, b] = [s0!, s1!].map((sizes) => tf.pad(sizes, [[rank - sizes.size, 0]], 1));
  return tf.where(tf.equal(a!, tf.scalar(1, 'int32')), b!, a!);
});

export const shape: LoweringTable = {
  LinSpace: linSpace,
  BroadcastArgs: broadcastArgs,
  Identity: identity,
  Reshape: reshape,
  ExpandDims: expandDims,
  Transpose: transpose,
  Concat: concat,
  SplitV: splitV,
  Slice: slice,
  StridedSlice: stridedSlice,
  Reverse: reverse,
  Pack: pack,
  Unpack: unpack,
  Tile: tile,
  PadV2: padV2,
  Fill: fill,
  ZerosLike: zerosLike,
  OnesLike: onesLike,
  Range: range,
};
