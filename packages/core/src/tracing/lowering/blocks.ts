/** Kernels that move blocks of elements: between depth, batch and space, into a diagonal, by reflection. */
import * as tf from '@tensorflow/tfjs-core';
import { byOps, taken } from './by-ops.js';
import type { LoweringTable } from './lowering.js';

const { getReshaped, getPermuted, getReshapedPermuted, getSliceBeginCoords, getSliceSize } = tf.backend_util;

const batchToSpace = byOps(({ x }, attrs) => {
  const [blockShape, crops] = [attrs.blockShape as number[], attrs.crops as unknown as number[][]];
  const blockSize = tf.util.sizeFromShape(blockShape);
  const blocks = getReshaped(x!.shape, blockShape, blockSize);
  const merged = getReshapedPermuted(x!.shape, blockShape, blockSize);
  const moved = tf.transpose(tf.reshape(x!, blocks), getPermuted(blocks.length, blockShape.length));
  const begin = getSliceBeginCoords(crops, blockShape.length);
  return tf.slice(tf.reshape(moved, merged), begin, getSliceSize(merged, crops, blockShape.length));
});

const spaceToBatch = byOps(({ x }, attrs) => {
  const [blockShape, paddings] = [attrs.blockShape as number[], attrs.paddings as unknown as [number, number][]];
  const blockSize = tf.util.sizeFromShape(blockShape);
  const unpadded = Array.from({ length: x!.shape.length - 1 - blockShape.length }, () => [0, 0] as [number, number]);
  const padded = tf.pad(x!, [[0, 0], ...paddings, ...unpadded]);
  const blocks = getReshaped(padded.shape, blockShape, blockSize, false);
  const moved = tf.transpose(tf.reshape(padded, blocks), getPermuted(blocks.length, blockShape.length, false));
  return tf.reshape(moved, getReshapedPermuted(padded.shape, blockShape, blockSize, false));
});

const depthToSpace = byOps(({ x }, attrs) => {
  const block = attrs.blockSize as number;
  const [batch, height, width, depth] = x!.shape as [number, number, number, number];
  const channels = depth / (block * block);
  const blocks = tf.transpose(tf.reshape(x!, [batch, height, width, block, block, channels]), [0, 1, 3, 2, 4, 5]);
  return tf.reshape(blocks, [batch, height * block, width * block, channels]);
});

const diag = byOps(({ x }) => {
  const size = x!.size;
  const identity = tf.tensor2d(
    Array.from({ length: size * size }, (_, k) => Number(k % (size + 1) === 0)),
    [size, size],
    'bool',
  );
  const rows = tf.tile(tf.reshape(x!, [1, size]), [size, 1]);
  return tf.reshape(tf.where(identity, rows, tf.zerosLike(rows)), [...x!.shape, ...x!.shape]);
});

const mirrorPad = byOps(({ x }, attrs) => {
  const edge = attrs.mode === 'reflect' ? 0 : 1;
  return (attrs.paddings as unknown as [number, number][]).reduce((padded, [before, after], axis) => {
    if (before + after === 0) return padded;
    const size = padded.shape[axis]!;
    const positions = Array.from({ length: before + size + after }, (_, k) => {
      const position = k - before;
      if (position < 0) return -position - edge;
      return position < size ? position : 2 * (size - 1) - position + edge;
    });
    return taken(padded, positions, axis);
  }, x!);
});

export const blocks: LoweringTable = {
  BatchToSpaceND: batchToSpace,
  SpaceToBatchND: spaceToBatch,
  DepthToSpace: depthToSpace,
  Diag: diag,
  MirrorPad: mirrorPad,
};
