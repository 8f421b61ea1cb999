/** Kernels that sort, search, and select boxes by score. */

import type { TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { TraceError } from '../backend.js';
import { byOps } from './by-ops.js';
import { castTo, positionsAsInt32 } from './casting.js';
import type { KernelCall, Lowering, LoweringTable } from './lowering.js';

/** Sorts the largest elements of each row first; of equal ones, the first comes first. */
const topK: Lowering = ({ inputs: { x }, attrs, graph }) => {
  const k = attrs.k as number;
  const shape = x!.shape.with(-1, k);
  if (tf.util.sizeFromShape(shape) === 0) {
    return [graph.constant([], { shape, dtype: x!.dtype }), graph.constant([], { shape, dtype: 'int32' })];
  }
  const outputs = [
    { shape, dtype: x!.dtype },
    { shape, dtype: 'int32' as const }, // int64 in ONNX
  ];
  const [values, positions] = graph.emitMany('TopK', [x!, graph.int64([k])], outputs, {
    attributes: { axis: { i: -1 } },
  });
  return [values!, positionsAsInt32(graph, positions!)];
};

/** The number of elements of a sorted row that are less than each value, or not greater. */
const searchSorted = byOps(({ sortedSequence, values }, attrs) => {
  const precedes = attrs.side === 'left' ? tf.less : tf.lessEqual;
  return tf.sum(tf.cast(precedes(tf.expandDims(sortedSequence!, 1), tf.expandDims(values!, 2)), 'int32'), 2);
});

interface Selection {
  /** Positions of the selected boxes, int32, padded with zeros to the largest number. */
  readonly positions: TensorInfo;
  /** How many of them are selected, int32 scalar. */
  readonly count: TensorInfo;
}

/** Selects boxes as ONNX's NonMaxSuppression does, whose threshold is exclusive where TensorFlow.js's is inclusive. */
function select({ inputs, attrs, graph }: KernelCall): Selection {
  const { boxes, scores } = inputs as { boxes: TensorInfo; scores: TensorInfo };
  const { maxOutputSize, iouThreshold, scoreThreshold } = attrs as unknown as Record<string, number>;
  const overlap = below(iouThreshold!);
  // Nothing is disjoint enough for a threshold of 0: one box remains.
  const most = overlap < 0 ? 1 : maxOutputSize!;
  const count = scores.shape[0]!;
  const batched = (x: TensorInfo, shape: number[]) =>
    graph.emit('Reshape', [x, graph.int64(shape)], { shape, dtype: x.dtype });
  const limits = [graph.int64([most]), graph.scalar(Math.max(overlap, 0))];
  if (Number.isFinite(scoreThreshold)) limits.push(graph.scalar(scoreThreshold!));
  // The number of rows is known only when the graph runs; the slice after the padding gives them a fixed number.
  const rows = { shape: [maxOutputSize!, 3], dtype: 'int32' } as const; // int64 in ONNX
  const found = graph.emit(
    'NonMaxSuppression',
    [batched(boxes, [1, count, 4]), batched(scores, [1, 1, count]), ...limits],
    rows,
  );
  const integers = positionsAsInt32(graph, found);
  const column = graph.emit('Slice', [integers, ...[[2], [3], [1]].map((numbers) => graph.int64(numbers))], {
    shape: [maxOutputSize!, 1],
    dtype: 'int32',
  });
  const padding = graph.constant(new Int32Array(maxOutputSize!), { shape: [maxOutputSize!, 1], dtype: 'int32' });
  const padded = graph.emit(
    'Concat',
    [column, padding],
    { shape: [2 * maxOutputSize!, 1], dtype: 'int32' },
    { attributes: { axis: { i: 0 } } },
  );
  const first = graph.emit('Slice', [padded, ...[[0], [maxOutputSize!], [0]].map((numbers) => graph.int64(numbers))], {
    shape: [maxOutputSize!, 1],
    dtype: 'int32',
  });
  const sizes = graph.emit('Shape', [found], { shape: [2], dtype: 'int32' });
  const selected = graph.emit('Gather', [positionsAsInt32(graph, sizes), graph.scalar(0, 'int32')], {
    shape: [],
    dtype: 'int32',
  });
  return { positions: batched(first, [maxOutputSize!]), count: selected };
}

/** The next smaller float32. */
function below(value: number): number {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, value);
  if (bits.getFloat32(0) <= 0) return -1;
  bits.setInt32(0, bits.getInt32(0) - 1);
  return bits.getFloat32(0);
}

const nonMaxSuppressionPadded: Lowering = (call) => {
  if (!call.attrs.padToMaxOutputSize) throw unknownCount('NonMaxSuppressionV4');
  const { positions, count } = select(call);
  return [positions, castTo(call.graph, count, 'int32')];
};

function unknownCount(kernelName: string): TraceError {
  return new TraceError(
    `cannot trace ${kernelName}, whose result has as many elements as boxes are selected; use tf.image.nonMaxSuppressionPadded with padToMaxOutputSize`,
  );
}

export const ordering: LoweringTable = {
  TopK: topK,
  SearchSorted: searchSorted,
  NonMaxSuppressionV4: nonMaxSuppressionPadded,
};
