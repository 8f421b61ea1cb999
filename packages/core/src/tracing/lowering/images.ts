/** Kernels that sample images [batch, height, width, channels] at other places: crops, rotations, projections. */
import * as tf from '@tensorflow/tfjs-core';
import { byOps } from './by-ops.js';
import type { LoweringTable } from './lowering.js';

const flipLeftRight = byOps(({ image }) => tf.reverse(image!, 2));

/** Every output pixel takes a fixed pixel of the image, because angle and centre are constants. */
const rotateWithOffset = byOps(({ image }, attrs) => {
  const [batch, height, width, channels] = image!.shape as [number, number, number, number];
  const { radians, center, fillValue } = attrs as unknown as {
    radians: number;
    center: number | [number, number];
    fillValue: number | [number, number, number];
  };
  const [centerX, centerY] = tf.backend_util.getImageCenter(center, height, width);
  const [sine, cosine] = [Math.sin(radians), Math.cos(radians)];
  const sources = Array.from({ length: height * width }, (_, k) => {
    const [x, y] = [(k % width) - centerX, Math.floor(k / width) - centerY];
    const [column, row] = [Math.round(x * cosine - y * sine + centerX), Math.round(x * sine + y * cosine + centerY)];
    return column >= 0 && column < width && row >= 0 && row < height ? row * width + column : height * width;
  });
  const fills = Array.from({ length: channels }, (_, c) =>
    typeof fillValue === 'number' ? fillValue : c === 3 ? 255 : fillValue[c]!,
  );
  const filling = tf.tile(tf.reshape(tf.tensor1d(fills, image!.dtype as 'int32'), [1, 1, channels]), [batch, 1, 1]);
  const pixels = tf.concat([tf.reshape(image!, [batch, height * width, channels]), filling], 1);
  return tf.reshape(tf.gather(pixels, tf.tensor1d(sources, 'int32'), 1), image!.shape);
});

/** Places to sample: whole coordinates as floats, [images, samples], of the image with each index. */
interface Places {
  readonly image: tf.Tensor;
  /** Index of the image that each row samples, int32 [rows, 1]. */
  readonly index: tf.Tensor;
  readonly outside: number;
}

/** Reads the pixels at rows y and columns x: [rows, samples, channels]. */
function pixelsAt({ image, index, outside }: Places, y: tf.Tensor, x: tf.Tensor): tf.Tensor {
  const [batch, height, width, channels] = image.shape as [number, number, number, number];
  const within = (value: tf.Tensor, size: number) => tf.logicalAnd(tf.greaterEqual(value, 0), tf.less(value, size));
  const isInside = tf.logicalAnd(within(y, height), within(x, width));
  const whole = (value: tf.Tensor, size: number) =>
    tf.cast(tf.clipByValue(tf.where(isInside, value, tf.zerosLike(value)), 0, size - 1), 'int32');
  const integer = (value: number) => tf.scalar(value, 'int32');
  const row = tf.add(tf.mul(index, integer(height)), whole(y, height));
  const position = tf.add(tf.mul(row, integer(width)), whole(x, width)); // [rows, samples]
  const found = tf.gather(tf.reshape(image, [batch * height * width, channels]), position as tf.Tensor2D);
  return tf.where(tf.expandDims(isInside, -1), found, tf.fill(found.shape, outside, image.dtype as 'float32'));
}

/** Rounds half up, as JavaScript does. */
const rounded = (x: tf.Tensor) => tf.floor(tf.add(x, 0.5));

const cropAndResize = byOps(({ image, boxes, boxInd }, attrs) => {
  const [batch, height, width, channels] = image!.shape as [number, number, number, number];
  const [cropHeight, cropWidth] = attrs.cropSize as [number, number];
  const outside = attrs.extrapolationValue as number;
  const count = boxes!.shape[0]!;
  const [y1, x1, y2, x2] = tf.split(tf.cast(boxes!, 'float32'), 4, 1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const along = (first: tf.Tensor, last: tf.Tensor, size: number, samples: number) => {
    if (samples === 1) return tf.mul(tf.add(first, last), 0.5 * (size - 1));
    const scale = tf.div(tf.mul(tf.sub(last, first), size - 1), samples - 1);
    return tf.add(tf.mul(first, size - 1), tf.mul(tf.expandDims(tf.range(0, samples), 0), scale));
  };
  const y = tf.reshape(tf.tile(tf.expandDims(along(y1, y2, height, cropHeight), 2), [1, 1, cropWidth]), [count, -1]);
  const x = tf.tile(along(x1, x2, width, cropWidth), [1, cropHeight]);
  const isBox = tf.expandDims(tf.less(boxInd!, tf.scalar(batch, 'int32')), 1); // [boxes, 1]
  const index = tf.where(isBox, tf.expandDims(boxInd!, 1), tf.zerosLike(tf.expandDims(boxInd!, 1)));
  const places = { image: image!, index, outside };
  const within = (value: tf.Tensor, size: number) =>
    tf.logicalAnd(tf.greaterEqual(value, 0), tf.lessEqual(value, size - 1));
  const isInside = tf.expandDims(tf.logicalAnd(within(y, height), within(x, width)), 2);
  const sampled =
    attrs.method === 'bilinear' ? blended(places, y, x, tf.ceil) : pixelsAt(places, rounded(y), rounded(x));
  const filled = tf.where(isInside, tf.cast(sampled, 'float32'), tf.fill(sampled.shape, outside));
  const crops = tf.where(tf.expandDims(isBox, 2), filled, tf.zerosLike(filled));
  return tf.reshape(crops, [count, cropHeight, cropWidth, channels]);
});

/** Interpolates between the four pixels around each place. */
function blended(places: Places, y: tf.Tensor, x: tf.Tensor, above: (value: tf.Tensor) => tf.Tensor): tf.Tensor {
  const [top, left] = [tf.floor(y), tf.floor(x)];
  const [bottom, right] = [above(y), above(x)];
  const [down, across] = [tf.expandDims(tf.sub(y, top), 2), tf.expandDims(tf.sub(x, left), 2)];
  const at = (row: tf.Tensor, column: tf.Tensor) => tf.cast(pixelsAt(places, row, column), 'float32');
  const between = (first: tf.Tensor, second: tf.Tensor, share: tf.Tensor) =>
    tf.add(first, tf.mul(tf.sub(second, first), share));
  const upper = between(at(top, left), at(top, right), across);
  return between(upper, between(at(bottom, left), at(bottom, right), across), down);
}

/** Maps coordinates outside of [0, size) back into it, as TensorFlow's ImageProjectiveTransform does. */
function mapped(value: tf.Tensor, size: number, fillMode: string): tf.Tensor {
  const inside = (x: tf.Tensor) => tf.clipByValue(x, 0, size - 1);
  const truncated = (x: tf.Tensor) => tf.mul(tf.sign(x), tf.floor(tf.abs(x)));
  if (fillMode === 'constant') return value;
  if (fillMode === 'nearest' || size <= 1) return inside(value);
  const isBelow = tf.less(value, 0);
  const isAbove = tf.greater(value, size - 1);
  if (fillMode === 'wrap') {
    const period = size - 1;
    const fromBelow = tf.add(value, tf.mul(tf.add(truncated(tf.div(tf.neg(value), period)), 1), size));
    const fromAbove = tf.sub(value, tf.mul(truncated(tf.div(value, period)), size));
    return inside(tf.where(isBelow, fromBelow, tf.where(isAbove, fromAbove, value)));
  }
  const period = 2 * size;
  const low = tf.add(tf.mul(truncated(tf.div(tf.neg(value), period)), period), value);
  const fromBelow = tf.where(tf.less(low, -size), tf.add(low, period), tf.sub(tf.neg(low), 1));
  const high = tf.sub(value, tf.mul(truncated(tf.div(value, period)), period));
  const fromAbove = tf.where(tf.greaterEqual(high, size), tf.sub(period - 1, high), high);
  return inside(tf.where(isBelow, fromBelow, tf.where(isAbove, fromAbove, value)));
}

const transform = byOps(({ image, transforms }, attrs) => {
  const [batch, height, width, channels] = image!.shape as [number, number, number, number];
  const [outHeight, outWidth] = (attrs.outputShape as [number, number] | undefined) ?? [height, width];
  const [fillMode, outside] = [attrs.fillMode as string, attrs.fillValue as number];
  const grid = Array.from({ length: outHeight * outWidth }, (_, k) => [k % outWidth, Math.floor(k / outWidth)]);
  const [gridX, gridY] = [0, 1].map((axis) => tf.tensor2d([grid.map((place) => place[axis]!)])) as [
    tf.Tensor,
    tf.Tensor,
  ];
  const t = tf.split(transforms!, 8, 1); // each [batch or 1, 1]
  const plane = (a: number, b: number, c: tf.Tensor | number) =>
    tf.add(tf.add(tf.mul(t[a]!, gridX), tf.mul(t[b]!, gridY)), c);
  const projection = plane(6, 7, 1);
  const every = tf.zeros([batch, grid.length]);
  const x = tf.add(mapped(tf.div(plane(0, 1, t[2]!), projection), width, fillMode), every);
  const y = tf.add(mapped(tf.div(plane(3, 4, t[5]!), projection), height, fillMode), every);
  const index = tf.expandDims(tf.range(0, batch, 1, 'int32'), 1);
  const places = { image: image!, index, outside };
  const next = (value: tf.Tensor) => tf.add(tf.floor(value), 1);
  const sampled =
    attrs.interpolation === 'nearest' ? pixelsAt(places, rounded(y), rounded(x)) : blended(places, y, x, next);
  const isInfinite = tf.expandDims(tf.equal(tf.add(projection, every), 0), 2);
  const filled = tf.where(isInfinite, tf.fill(sampled.shape, outside, sampled.dtype as 'float32'), sampled);
  return tf.reshape(tf.cast(filled, image!.dtype), [batch, outHeight, outWidth, channels]);
});

export const images: LoweringTable = {
  FlipLeftRight: flipLeftRight,
  RotateWithOffset: rotateWithOffset,
  CropAndResize: cropAndResize,
  Transform: transform,
};
