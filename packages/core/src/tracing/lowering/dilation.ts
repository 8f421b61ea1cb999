/** Grey-scale dilation of images by a filter: the largest sum of input and filter in each window; and its gradients. */
import * as tf from '@tensorflow/tfjs-core';
import { byOps } from './by-ops.js';
import type { KernelCall, LoweringTable } from './lowering.js';

interface Dilation {
  readonly sizes: ReturnType<typeof tf.backend_util.computeDilation2DInfo>;
  /** Top-left corner of each filter element's samples, in row-major order. */
  readonly offsets: readonly (readonly [row: number, column: number])[];
}

function dilationOf(x: tf.Tensor, filter: tf.Tensor, attrs: KernelCall['attrs']): Dilation {
  const sizes = tf.backend_util.computeDilation2DInfo(
    x.shape as [number, number, number, number],
    filter.shape as [number, number, number],
    attrs.strides as number,
    attrs.pad as 'same',
    'NHWC',
    attrs.dilations as number,
  );
  const offsets = Array.from({ length: sizes.filterHeight * sizes.filterWidth }, (_, k) => {
    const row = Math.floor(k / sizes.filterWidth) * sizes.dilationHeight - sizes.padInfo.top;
    return [row, (k % sizes.filterWidth) * sizes.dilationWidth - sizes.padInfo.left] as const;
  });
  return { sizes, offsets };
}

/** For each window, the flat position [row·width + column] that a filter element samples; −1 outside of the image. */
function positions({ sizes }: Dilation, [row, column]: readonly [number, number]): number[] {
  const { inHeight, inWidth, outHeight, outWidth, strideHeight, strideWidth } = sizes;
  return Array.from({ length: outHeight * outWidth }, (_, k) => {
    const y = Math.floor(k / outWidth) * strideHeight + row;
    const x = (k % outWidth) * strideWidth + column;
    return y >= 0 && y < inHeight && x >= 0 && x < inWidth ? y * inWidth + x : -1;
  });
}

/** The cpu backend's least maximum. */
const least = Number.MIN_SAFE_INTEGER;

/** The sums of input and filter: [filter elements, batch, windows, channels], −∞ outside of the image and for NaN. */
function sums(x: tf.Tensor, filter: tf.Tensor, dilation: Dilation): tf.Tensor {
  const { batchSize, inHeight, inWidth, inChannels } = dilation.sizes;
  const outside = tf.fill([batchSize, 1, inChannels], Number.NEGATIVE_INFINITY);
  const pixels = tf.concat([tf.reshape(x, [batchSize, inHeight * inWidth, inChannels]), outside], 1);
  const elements = tf.unstack(tf.reshape(filter, [dilation.offsets.length, inChannels]));
  const sampled = dilation.offsets.map((offset, k) => {
    const places = positions(dilation, offset).map((place) => (place < 0 ? inHeight * inWidth : place));
    return tf.add(tf.gather(pixels, tf.tensor1d(places, 'int32'), 1), elements[k]!);
  });
  const stacked = tf.stack(sampled);
  return tf.where(tf.isNaN(stacked), tf.fill(stacked.shape, Number.NEGATIVE_INFINITY), stacked);
}

/** The outputs' gradients at the filter element that gave each window's maximum: shaped as {@link sums}. */
function shares({ x, filter, dy }: Record<string, tf.Tensor>, dilation: Dilation): tf.Tensor {
  const { batchSize, outHeight, outWidth, inChannels } = dilation.sizes;
  const candidates = sums(x!, filter!, dilation);
  const chosen = tf.argMax(candidates, 0); // [batch, windows, channels]
  const elements = tf.reshape(tf.range(0, dilation.offsets.length, 1, 'int32'), [-1, 1, 1, 1]);
  const gradients = tf.reshape(dy!, [1, batchSize, outHeight * outWidth, inChannels]);
  const isChosen = tf.equal(elements, tf.expandDims(chosen, 0));
  const none = tf.zeros(candidates.shape);
  return tf.where(isChosen, tf.add(gradients, none), none);
}

const dilation2d = byOps(({ x, filter }, attrs) => {
  const dilation = dilationOf(x!, filter!, attrs);
  const largest = tf.max(sums(x!, filter!, dilation), 0);
  return tf.reshape(tf.maximum(largest, least), dilation.sizes.outShape);
});

const inputGradient = byOps((inputs, attrs) => {
  const dilation = dilationOf(inputs.x!, inputs.filter!, attrs);
  const { batchSize, inHeight, inWidth, inChannels } = dilation.sizes;
  const rows = tf.transpose(shares(inputs, dilation), [0, 2, 1, 3]); // [filter elements, windows, batch, channels]
  const targets = dilation.offsets.flatMap((offset) => positions(dilation, offset));
  const flat = tf.reshape(rows, [targets.length, batchSize * inChannels]);
  const added = tf.unsortedSegmentSum(flat, tf.tensor1d(targets, 'int32'), inHeight * inWidth);
  const pixels = tf.reshape(added, [inHeight, inWidth, batchSize, inChannels]);
  return tf.transpose(pixels, [2, 0, 1, 3]);
});

const filterGradient = byOps((inputs, attrs) => {
  const dilation = dilationOf(inputs.x!, inputs.filter!, attrs);
  return tf.reshape(tf.sum(shares(inputs, dilation), [1, 2]), inputs.filter!.shape);
});

export const dilation: LoweringTable = {
  Dilation2D: dilation2d,
  Dilation2DBackpropInput: inputGradient,
  Dilation2DBackpropFilter: filterGradient,
};
