/** Reductions over axes. At opset 17 ReduceSum takes its axes as an input, the other reductions as an attribute. */
import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { Lowering, LoweringTable } from './lowering.js';
import { isNaNOf } from './not-a-number.js';

const float32ElementType = 1;
const int32ElementType = 6;
const boolElementType = 9;

interface Reduced {
  readonly axes: number[];
  readonly shape: number[];
  readonly keepDims: boolean;
}

function reduced(inputShape: number[], attrs: Record<string, unknown>): Reduced {
  // TensorFlow.js has another name for the axes of Max than for those of every other reduction.
  const axes = util.parseAxisParam((attrs.axis ?? attrs.reductionIndices) as number | number[], inputShape);
  const keepDims = Boolean(attrs.keepDims);
  const shape = keepDims
    ? inputShape.map((dimension, axis) => (axes.includes(axis) ? 1 : dimension))
    : inputShape.filter((_, axis) => !axes.includes(axis));
  return { axes, shape, keepDims };
}

const sum: Lowering = ({ inputs: { x }, attrs, graph }) => {
  const { axes, shape, keepDims } = reduced(x!.shape, attrs);
  // ONNX reads an empty list of axes as "all", TensorFlow.js as "none".
  if (axes.length === 0) return graph.alias(x!);
  const attributes = { keepdims: { i: Number(keepDims) } };
  return graph.emit('ReduceSum', [x!, graph.int64(axes)], { shape, dtype: x!.dtype }, { attributes });
};

function reduceBy(opType: string): Lowering {
  return ({ inputs: { x }, attrs, graph }) => {
    const { axes, shape, keepDims } = reduced(x!.shape, attrs);
    if (axes.length === 0) return graph.alias(x!);
    const attributes = { axes: { ints: axes }, keepdims: { i: Number(keepDims) } };
    return graph.emit(opType, [x!], { shape, dtype: x!.dtype }, { attributes });
  };
}

/** Reduces to an extreme value, which is NaN if one of the values is; ONNX Runtime drops NaN. */
function extreme(opType: 'ReduceMax' | 'ReduceMin'): Lowering {
  return (call) => {
    const { graph } = call;
    const { x } = call.inputs;
    const found = reduceBy(opType)(call) as TensorInfo;
    if (x!.dtype !== 'float32') return found;
    const anyNaN = reduceFlags('ReduceMax')({ ...call, inputs: { x: isNaNOf(graph, x!) } }) as TensorInfo;
    return graph.emit('Where', [anyNaN, graph.scalar(Number.NaN), found], found);
  };
}

/** Averages in float32: the result of TensorFlow.js's mean always has this type. */
const mean: Lowering = (call) => {
  const { x } = call.inputs;
  const attributes = { to: { i: float32ElementType } };
  const asFloat =
    x!.dtype === 'float32' ? x! : call.graph.emit('Cast', [x!], { shape: x!.shape, dtype: 'float32' }, { attributes });
  return reduceBy('ReduceMean')({ ...call, inputs: { x: asFloat } });
};

function position(opType: string): Lowering {
  return ({ inputs: { x }, attrs, graph }) => {
    const { axes, shape } = reduced(x!.shape, attrs);
    const attributes = { axis: { i: axes[0]! }, keepdims: { i: 0 } };
    const found = graph.emit(opType, [x!], { shape, dtype: 'int32' }, { attributes }); // int64 in ONNX
    return graph.emit('Cast', [found], found, { attributes: { to: { i: int32ElementType } } });
  };
}

/** Reduces booleans as integers, because ONNX does not reduce booleans. */
function reduceFlags(opType: 'ReduceMax' | 'ReduceMin'): Lowering {
  return (call) => {
    const { x } = call.inputs;
    const castTo = (tensor: TensorInfo, dtype: 'int32' | 'bool', code: number) =>
      call.graph.emit('Cast', [tensor], { shape: tensor.shape, dtype }, { attributes: { to: { i: code } } });
    const integers = castTo(x!, 'int32', int32ElementType);
    return castTo(reduceBy(opType)({ ...call, inputs: { x: integers } }) as TensorInfo, 'bool', boolElementType);
  };
}

export const reduction: LoweringTable = {
  Sum: sum,
  Mean: mean,
  Max: extreme('ReduceMax'),
  Min: extreme('ReduceMin'),
  Prod: reduceBy('ReduceProd'),
  All: reduceFlags('ReduceMin'),
  Any: reduceFlags('ReduceMax'),
  ArgMax: position('ArgMax'),
  ArgMin: position('ArgMin'),
};
