/** Lowers our own kernels for which ONNX has something better than a composition of TensorFlow.js ops. */
import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { GraphRecorder } from '../recorder.js';
import type { Lowering, LoweringTable } from './lowering.js';

/**
 * Adds rows into zeros with ScatterElements. ScatterND with a reduction, the obvious operator, gives wrong sums in ONNX
 * Runtime's CPU provider when ids repeat and several threads run.
 */
const embeddingLookupGrad: Lowering = ({ inputs, attrs, graph }) => {
  const { rows, ids } = inputs as { rows: TensorInfo; ids: TensorInfo };
  const table = { shape: attrs.tableShape as unknown as number[], dtype: 'float32' } as const;
  const zeros = graph.emit('ConstantOfShape', [graph.int64(table.shape)], table);
  const column = graph.emit('Reshape', [ids, graph.int64([rows.shape[0]!, 1])], {
    shape: [rows.shape[0]!, 1],
    dtype: 'int32',
  });
  const indices = graph.emit('Expand', [column, graph.int64(rows.shape)], { shape: rows.shape, dtype: 'int32' });
  const attributes = { axis: { i: 0 }, reduction: { s: 'add' } };
  return graph.emit('ScatterElements', [zeros, indices, rows], table, { attributes });
};

/**
 * Computes losses from one pass of Softmax over the logits: −log p(target) = max(logits) − log(max(p)) −
 * logits[target]. This does not overflow, and stays exact where the probability of an unlikely target underflows.
 */
const sparseSoftmaxCrossEntropy: Lowering = ({ inputs, graph }) => {
  const { logits, targets } = inputs as { logits: TensorInfo; targets: TensorInfo };
  const column = { shape: [logits.shape[0]!, 1], dtype: 'float32' } as const;
  const rowMaximum = (x: TensorInfo) =>
    graph.emit('ReduceMax', [x], column, { attributes: { axes: { ints: [1] }, keepdims: { i: 1 } } });
  const probabilities = graph.emit('Softmax', [logits], logits, { attributes: { axis: { i: -1 } } });
  const picked = graph.emit('GatherElements', [logits, targetColumn(targets, graph)], column, {
    attributes: { axis: { i: 1 } },
  });
  const logNormalizer = graph.emit(
    'Sub',
    [rowMaximum(logits), graph.emit('Log', [rowMaximum(probabilities)], column)],
    column,
  );
  const losses = graph.emit('Sub', [logNormalizer, picked], column);
  const flat = { shape: [logits.shape[0]!], dtype: 'float32' } as const;
  return [graph.emit('Reshape', [losses, graph.int64(flat.shape)], flat), probabilities];
};

/** Subtracts one at the targets in place, without a one-hot matrix. */
const minusOneHot: Lowering = ({ inputs, graph }) => {
  const { probabilities, targets } = inputs as { probabilities: TensorInfo; targets: TensorInfo };
  const rows = targets.shape[0]!;
  const minusOnes = graph.constant(new Float32Array(rows).fill(-1), { shape: [rows, 1], dtype: 'float32' });
  const attributes = { axis: { i: 1 }, reduction: { s: 'add' } };
  return graph.emit('ScatterElements', [probabilities, targetColumn(targets, graph), minusOnes], probabilities, {
    attributes,
  });
};

const logSoftmaxOfRows: Lowering = ({ inputs: { logits }, graph }) =>
  graph.emit('LogSoftmax', [logits!], logits!, { attributes: { axis: { i: -1 } } });

function targetColumn(targets: TensorInfo, graph: GraphRecorder): TensorInfo {
  const shape = [targets.shape[0]!, 1];
  return graph.emit('Reshape', [targets, graph.int64(shape)], { shape, dtype: 'int32' });
}

/**
 * The longest row that {@link sumOfSquares} reduces: long enough to vectorize, short enough that many rows can be
 * shared among threads.
 */
const longestRow = 4096;

/** Reduces the rows of a matrix first, then their sums, because ONNX Runtime sums one long axis on one thread. */
const sumOfSquares: Lowering = ({ inputs: { x }, graph }) => {
  const columns = rowLength(x!.shape);
  const matrix = { shape: [util.sizeFromShape(x!.shape) / columns, columns], dtype: 'float32' } as const;
  const flat = graph.emit('Reshape', [x!, graph.int64(matrix.shape)], matrix);
  const sums = { shape: [matrix.shape[0]!], dtype: 'float32' } as const;
  const rowSums = graph.emit('ReduceSumSquare', [flat], sums, {
    attributes: { axes: { ints: [1] }, keepdims: { i: 0 } },
  });
  return graph.emit('ReduceSum', [rowSums], { shape: [], dtype: 'float32' }, { attributes: { keepdims: { i: 0 } } });
};

/** The length of the last axis times the largest number of whole rows that fits and divides the number of rows. */
function rowLength(shape: readonly number[]): number {
  const last = Math.max(shape.at(-1) ?? 1, 1);
  const rows = util.sizeFromShape([...shape]) / last;
  let joined = Math.max(1, Math.floor(longestRow / last));
  while (rows % joined !== 0) joined--;
  return last * joined;
}

export const training: LoweringTable = {
  EmbeddingLookupGrad: embeddingLookupGrad,
  LogSoftmaxOfRows: logSoftmaxOfRows,
  MinusOneHot: minusOneHot,
  SparseSoftmaxCrossEntropy: sparseSoftmaxCrossEntropy,
  SumOfSquares: sumOfSquares,
};
