/** Kernels that read or write by index. */
import * as tf from '@tensorflow/tfjs-core';
import { backend_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { GraphRecorder } from '../recorder.js';
import { byOps } from './by-ops.js';
import type { Lowering, LoweringTable } from './lowering.js';

const int64ElementType = 7;

const gatherV2: Lowering = (call) => {
  const { inputs, attrs, graph } = call;
  const { x, indices } = inputs as { x: TensorInfo; indices: TensorInfo };
  if (attrs.batchDims) return batchedGather(call);
  const axis = util.parseAxisParam(attrs.axis as number, x.shape)[0]!;
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  return graph.emit('Gather', [x, indices], { shape, dtype: x.dtype }, { attributes: { axis: { i: axis } } });
};

/** Gathers from each batch by its own indices: from all rows of all batches at once. */
const batchedGather = byOps(({ x, indices }, attrs) => {
  const axis = util.parseAxisParam(attrs.axis as number, x!.shape)[0]!;
  const { batchSize, outerSize, dimSize, sliceSize, outputShape } = backend_util.segment_util.collectGatherOpShapeInfo(
    x!,
    indices!,
    axis,
    attrs.batchDims as number,
  );
  const rows = tf.transpose(tf.reshape(x!, [batchSize, outerSize, dimSize, sliceSize]), [0, 2, 1, 3]);
  const firstRows = tf.tensor2d(
    [...Array(batchSize).keys()].map((batch) => [batch * dimSize]),
    [batchSize, 1],
    'int32',
  );
  const positions = tf.add(tf.reshape(indices!, [batchSize, -1]), firstRows);
  const found = tf.gather(tf.reshape(rows, [batchSize * dimSize, outerSize, sliceSize]), positions as tf.Tensor2D);
  return tf.reshape(tf.transpose(found, [0, 2, 1, 3]), outputShape);
});

/** ONNX takes N-dimensional indices as int64 only. */
function int64Indices(graph: GraphRecorder, indices: TensorInfo): TensorInfo {
  return graph.emit('Cast', [indices], indices, { attributes: { to: { i: int64ElementType } } });
}

const gatherNd: Lowering = ({ inputs, graph }) => {
  const { params, indices } = inputs as { params: TensorInfo; indices: TensorInfo };
  const shape = [...indices.shape.slice(0, -1), ...params.shape.slice(indices.shape.at(-1)!)];
  return graph.emit('GatherND', [params, int64Indices(graph, indices)], { shape, dtype: params.dtype });
};

/**
 * Replaces rows. For repeated indices, TensorFlow.js keeps the last row and ONNX any one, so the rows should be equal.
 */
const tensorScatterUpdate: Lowering = ({ inputs, graph }) => {
  const { tensor, indices, updates } = inputs as Record<'tensor' | 'indices' | 'updates', TensorInfo>;
  return graph.emit('ScatterND', [tensor, int64Indices(graph, indices), updates], tensor);
};

/** Builds one-hot rows by comparison, because ONNX Runtime's OneHot supports few combinations of element types. */
const oneHot: Lowering = ({ inputs: { indices }, attrs, graph }) => {
  const { depth, onValue, offValue } = attrs as unknown as Record<'depth' | 'onValue' | 'offValue', number>;
  const dtype = (attrs.dtype as TensorInfo['dtype'] | undefined) ?? 'int32';
  const shape = [...indices!.shape, depth];
  const columnShape = [...indices!.shape, 1];
  const column = graph.emit('Reshape', [indices!, graph.int64(columnShape)], { shape: columnShape, dtype: 'int32' });
  const classes = graph.constant([...Array(depth).keys()], { shape: [depth], dtype: 'int32' });
  const hot = graph.emit('Equal', [column, classes], { shape, dtype: 'bool' });
  const [on, off] = [onValue, offValue].map((value) => graph.constant([value], { shape: [], dtype }));
  return graph.emit('Where', [hot, on!, off!], { shape, dtype });
};

/**
 * Adds rows into zeros with ScatterElements. ScatterND with a reduction, the obvious operator, gives wrong sums in ONNX
 * Runtime's CPU provider when ids repeat and several threads run. Rows whose id is no segment are left out.
 */
const unsortedSegmentSum: Lowering = ({ inputs, attrs, graph }) => {
  const { x, segmentIds } = inputs as { x: TensorInfo; segmentIds: TensorInfo };
  const [rows, ...rowShape] = x.shape as [number, ...number[]];
  const width = util.sizeFromShape(rowShape);
  const segments = attrs.numSegments as number;
  const reshaped = (tensor: TensorInfo, shape: number[]) =>
    graph.emit('Reshape', [tensor, graph.int64(shape)], { shape, dtype: tensor.dtype });
  if (segments * width * rows === 0) {
    const shape = [segments, ...rowShape];
    return graph.constant(new Float32Array(util.sizeFromShape(shape)), { shape, dtype: x.dtype });
  }
  const table = { shape: [segments, width], dtype: x.dtype };
  const zeros =
    x.dtype === 'float32'
      ? graph.emit('ConstantOfShape', [graph.int64(table.shape)], table)
      : graph.emit('Expand', [graph.scalar(0, x.dtype), graph.int64(table.shape)], table);
  const column = reshaped(segmentIds, [rows, 1]);
  const segment = graph.emit('Clip', [column, graph.scalar(0, 'int32'), graph.scalar(segments - 1, 'int32')], column);
  const isSegment = graph.emit('Equal', [segment, column], { shape: column.shape, dtype: 'bool' });
  const flat = reshaped(x, [rows, width]);
  const added = graph.emit('Where', [isSegment, flat, graph.scalar(0, x.dtype)], flat);
  const indices = graph.emit('Expand', [segment, graph.int64([rows, width])], { shape: [rows, width], dtype: 'int32' });
  const attributes = { axis: { i: 0 }, reduction: { s: 'add' } };
  const sums = graph.emit('ScatterElements', [zeros, indices, added], table, { attributes });
  return reshaped(sums, [segments, ...rowShape]);
};

export const indexing: LoweringTable = {
  GatherV2: gatherV2,
  GatherNd: gatherNd,
  OneHot: oneHot,
  TensorScatterUpdate: tensorScatterUpdate,
  UnsortedSegmentSum: unsortedSegmentSum,
};
