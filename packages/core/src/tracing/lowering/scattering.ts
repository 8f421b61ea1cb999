/**
 * Kernels that add or write rows at positions that are known only when the graph runs. TensorFlow.js refuses positions
 * outside of the result; a graph leaves those rows out.
 */
import * as tf from '@tensorflow/tfjs-core';
import { byOps } from './by-ops.js';
import type { LoweringTable } from './lowering.js';

const scatterNd = byOps(({ indices, updates }, attrs) => {
  const shape = attrs.shape as number[];
  const { sliceRank, numUpdates, sliceSize, strides, outputSize } = tf.backend_util.calculateShapes(
    updates!,
    indices!,
    shape,
  );
  if (outputSize === 0) return tf.zeros(shape, updates!.dtype);
  const positions = tf.mul(
    tf.reshape(indices!, [numUpdates, sliceRank]),
    tf.tensor1d(strides.slice(0, sliceRank), 'int32'),
  );
  const rows = tf.reshape(updates!, [numUpdates, sliceSize]);
  return tf.reshape(tf.unsortedSegmentSum(rows, tf.sum(positions, 1) as tf.Tensor1D, outputSize / sliceSize), shape);
});

const sparseToDense = byOps(({ sparseIndices, sparseValues, defaultValue }, attrs) => {
  const shape = attrs.outputShape as number[];
  const { sliceRank, numUpdates } = tf.backend_util.calculateShapes(sparseValues!, sparseIndices!, shape);
  const dense = tf.tile(
    tf.reshape(
      defaultValue!,
      shape.map(() => 1),
    ),
    shape,
  );
  const values = sparseValues!.rank === 0 ? tf.tile(tf.reshape(sparseValues!, [1]), [numUpdates]) : sparseValues!;
  return tf.tensorScatterUpdate(dense, tf.reshape(sparseIndices!, [numUpdates, sliceRank]) as tf.Tensor2D, values);
});

/** @param weights of the elements of x; empty if each counts as one */
function counts(x: tf.Tensor, weights: tf.Tensor, size: number): tf.Tensor {
  const ones = weights.size > 0 ? tf.reshape(weights, [x.size]) : tf.ones([x.size], weights.dtype);
  return tf.unsortedSegmentSum(ones, tf.reshape(x, [x.size]) as tf.Tensor1D, size);
}

const bincount = byOps(({ x, weights }, attrs) => counts(x!, weights!, attrs.size as number));

const denseBincount = byOps(({ x, weights }, attrs) => {
  const size = attrs.size as number;
  if (x!.rank === 1) return counts(x!, weights!, size);
  const rows = x!.shape[0]!;
  const offsets = tf.mul(tf.range(0, rows, 1, 'int32'), tf.scalar(size, 'int32'));
  const isCounted = tf.less(x!, tf.scalar(size, 'int32'));
  const cells = tf.where(isCounted, tf.add(x!, tf.expandDims(offsets, 1)), tf.fill(x!.shape, -1, 'int32'));
  const sums = tf.reshape(counts(cells, attrs.binaryOutput ? tf.tensor1d([]) : weights!, rows * size), [rows, size]);
  if (!attrs.binaryOutput) return sums;
  return tf.cast(tf.greater(sums, tf.zerosLike(sums)), weights!.dtype);
});

export const scattering: LoweringTable = {
  ScatterNd: scatterNd,
  SparseToDense: sparseToDense,
  Bincount: bincount,
  DenseBincount: denseBincount,
};
