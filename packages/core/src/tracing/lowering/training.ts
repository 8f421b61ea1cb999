/** Kernels of our own for which ONNX has something better than what TensorFlow.js ops compose. */
import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { Lowering, LoweringTable } from './lowering.js';

/**
 * Adds the rows into zeros by ScatterElements. ScatterND with a reduction, the obvious operator, gives wrong sums in ONNX
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

const sparseSoftmaxCrossEntropy: Lowering = ({ inputs, graph }) => {
  const { logits, targets } = inputs as { logits: TensorInfo; targets: TensorInfo };
  const rows = logits.shape[0]!;
  const logProbabilities = graph.emit('LogSoftmax', [logits], logits, { attributes: { axis: { i: -1 } } });
  const column = graph.emit('Reshape', [targets, graph.int64([rows, 1])], { shape: [rows, 1], dtype: 'int32' });
  const attributes = { axis: { i: 1 } };
  const picked = graph.emit(
    'GatherElements',
    [logProbabilities, column],
    { shape: [rows, 1], dtype: 'float32' },
    { attributes },
  );
  const flat = graph.emit('Reshape', [picked, graph.int64([rows])], { shape: [rows], dtype: 'float32' });
  return [graph.emit('Neg', [flat], flat), logProbabilities];
};

/** softmax·dy with dy subtracted at the targets: no one-hot matrix. */
const sparseSoftmaxCrossEntropyGrad: Lowering = ({ inputs, graph }) => {
  const { logProbabilities, targets, dLoss } = inputs as Record<string, TensorInfo>;
  const column = { shape: [targets!.shape[0]!, 1], dtype: 'float32' } as const;
  const columnShape = graph.int64(column.shape);
  const dColumn = graph.emit('Reshape', [dLoss!, columnShape], column);
  const probabilities = graph.emit('Exp', [logProbabilities!], logProbabilities!);
  const scaled = graph.emit('Mul', [probabilities, dColumn], logProbabilities!);
  const indices = graph.emit('Reshape', [targets!, columnShape], { ...column, dtype: 'int32' });
  const attributes = { axis: { i: 1 }, reduction: { s: 'add' } };
  return graph.emit('ScatterElements', [scaled, indices, graph.emit('Neg', [dColumn], column)], scaled, { attributes });
};

/** The longest row that {@link sumOfSquares} reduces: long enough to vectorize, short enough to leave many to share. */
const longestRow = 4096;

/** ONNX Runtime sums one long axis on one thread: reduce the rows of a matrix first, then their sums. */
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

/** The last axis's length times as many whole rows as fit. */
function rowLength(shape: readonly number[]): number {
  const last = Math.max(shape.at(-1) ?? 1, 1);
  const rows = util.sizeFromShape([...shape]) / last;
  let joined = Math.max(1, Math.floor(longestRow / last));
  while (rows % joined !== 0) joined--;
  return last * joined;
}

export const training: LoweringTable = {
  EmbeddingLookupGrad: embeddingLookupGrad,
  SparseSoftmaxCrossEntropy: sparseSoftmaxCrossEntropy,
  SparseSoftmaxCrossEntropyGrad: sparseSoftmaxCrossEntropyGrad,
  SumOfSquares: sumOfSquares,
};
