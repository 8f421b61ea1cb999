/** Reductions over axes. At opset 17 ReduceSum takes its axes as an input, the other reductions as an attribute. */
import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import { castTo, positionsAsInt32 } from './casting.js';
import type { Lowering, LoweringTable } from './lowering.js';
import { isNaNOf } from './not-a-number.js';

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
  const asFloat = castTo(call.graph, call.inputs.x!, 'float32');
  return reduceBy('ReduceMean')({ ...call, inputs: { x: asFloat } });
};

/** Finds the position of an extreme value. ONNX Runtime's ArgMin finds NaN. */
function position(opType: 'ArgMax' | 'ArgMin'): Lowering {
  return ({ inputs, attrs, graph }) => {
    const x = inputs.x!.dtype === 'bool' ? castTo(graph, inputs.x!, 'int32') : inputs.x!;
    const { axes, shape } = reduced(x.shape, attrs);
    const type = { shape, dtype: 'int32' } as const;
    if (x.shape[axes[0]!] === 0) return graph.constant(new Int32Array(util.sizeFromShape(shape)), type);
    const isLowest = opType === 'ArgMin' && x.dtype === 'float32';
    const numbers = isLowest
      ? graph.emit('Where', [isNaNOf(graph, x), graph.scalar(Number.POSITIVE_INFINITY), x], x)
      : x;
    const attributes = { axis: { i: axes[0]! }, keepdims: { i: 0 } };
    const found = graph.emit(opType, [numbers], type, { attributes }); // int64 in ONNX
    const lowest = positionsAsInt32(graph, found);
    if (!isLowest) return lowest;
    // The cpu backend compares with the first value: nothing is less than NaN.
    const first = graph.emit(
      'Gather',
      [x, graph.scalar(0, 'int32')],
      { shape, dtype: x.dtype },
      { attributes: { axis: { i: axes[0]! } } },
    );
    return graph.emit('Where', [isNaNOf(graph, first), graph.scalar(0, 'int32'), lowest], type);
  };
}

/**
 * Reduces booleans as integers, because ONNX does not reduce booleans. The greatest of no integers is the lowest one, so
 * that any of none is false, and all of none true.
 */
function reduceFlags(opType: 'ReduceMax' | 'ReduceMin'): Lowering {
  return (call) => {
    const { graph } = call;
    const integers = castTo(graph, call.inputs.x!, 'int32');
    const found = reduceBy(opType)({ ...call, inputs: { x: integers } }) as TensorInfo;
    return graph.emit('Greater', [found, graph.scalar(0, 'int32')], { shape: found.shape, dtype: 'bool' });
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
