/** Resizing of images [batch, height, width, channels] and its gradients. */
import * as tf from '@tensorflow/tfjs-core';
import { byOps, taken } from './by-ops.js';
import type { KernelCall, Lowering, LoweringTable } from './lowering.js';

type Attributes = KernelCall['attrs'];

/** For each output position along an axis, the position in the input that it falls on; whole at the pixels. */
function sources(input: number, output: number, { alignCorners, halfPixelCenters }: Attributes): number[] {
  const corners = Number(Boolean(alignCorners) && output > 1);
  const ratio = (input - corners) / (output - corners);
  return Array.from({ length: output }, (_, k) => ratio * (halfPixelCenters ? k + 0.5 : k));
}

function nearest(input: number, output: number, attrs: Attributes): number[] {
  const round = attrs.alignCorners ? Math.round : Math.floor;
  return sources(input, output, attrs).map((source) => Math.max(0, Math.min(input - 1, round(source))));
}

/** The two input positions between which each output position lies, and the second one's share. */
function neighbours(input: number, output: number, attrs: Attributes) {
  const shifted = sources(input, output, attrs).map((source) => (attrs.halfPixelCenters ? source - 0.5 : source));
  const first = shifted.map((source) => Math.max(0, Math.floor(source)));
  const second = shifted.map((source) => Math.max(0, Math.min(input - 1, Math.ceil(source))));
  return { first, second, shares: shifted.map((source, k) => source - first[k]!) };
}

/** The number of repetitions of each row and each column; undefined if they are not the same for all. */
function repetitions(images: readonly number[], size: readonly number[], attrs: Attributes): number[] | undefined {
  const factors = size.map((target, axis) => target / images[axis + 1]!);
  return attrs.alignCorners || !factors.every(Number.isInteger) ? undefined : factors;
}

/** The shape that puts each pixel's repetitions on separate axes: [batch, height, rows, width, columns, channels]. */
function repeatedShape([batch, height, width, channels]: readonly number[], [rows, columns]: readonly number[]) {
  return [batch!, height!, rows!, width!, columns!, channels!];
}

const resizeNearestNeighbor: Lowering = (call) => {
  const { attrs, graph } = call;
  const images = call.inputs.images!;
  const size = attrs.size as [number, number];
  const factors = repetitions(images.shape, size, attrs);
  if (!factors) return gathered(call);
  const [once, repeated] = [[1, 1], factors].map((counts) => repeatedShape(images.shape, counts)) as [
    number[],
    number[],
  ];
  const pixels = graph.emit('Reshape', [images, graph.int64(once)], { ...images, shape: once });
  const copies = graph.emit('Expand', [pixels, graph.int64(repeated)], { ...images, shape: repeated });
  const shape = [images.shape[0]!, ...size, images.shape[3]!];
  return graph.emit('Reshape', [copies, graph.int64(shape)], { ...images, shape });
};

const gathered = byOps(({ images }, attrs) => {
  const [height, width] = attrs.size as [number, number];
  const rows = taken(images!, nearest(images!.shape[1]!, height, attrs), 1);
  return taken(rows, nearest(images!.shape[2]!, width, attrs), 2);
});

const resizeNearestNeighborGradient: Lowering = (call) => {
  const { inputs, attrs, graph } = call;
  const { dy, images } = inputs as Record<'dy' | 'images', tf.TensorInfo>;
  const factors = repetitions(images.shape, dy.shape.slice(1, 3), attrs);
  if (!factors) return nearestGradient(call);
  const repeated = repeatedShape(images.shape, factors);
  const copies = graph.emit('Reshape', [dy, graph.int64(repeated)], { ...dy, shape: repeated });
  return graph.emit('ReduceSum', [copies, graph.int64([2, 4])], images, { attributes: { keepdims: { i: 0 } } });
};

const nearestGradient = byOps(({ dy, images }, attrs) => {
  const matrix = (axis: 1 | 2) => {
    const positions = nearest(images!.shape[axis]!, dy!.shape[axis]!, attrs);
    return weights(
      images!.shape[axis]!,
      positions,
      positions.map(() => 1),
    );
  };
  return transposedResize(dy!, images!, matrix(1), matrix(2));
});

/** A matrix [input, output] with each output's share at its input position. */
function weights(input: number, positions: readonly number[], shares: readonly number[]): tf.Tensor2D {
  const values = new Float32Array(input * positions.length);
  positions.forEach((position, k) => {
    values[position * positions.length + k]! += shares[k]!;
  });
  return tf.tensor2d(values, [input, positions.length]);
}

/** Multiplies the gradients' rows and columns by matrices [input, output]. */
function transposedResize(dy: tf.Tensor, images: tf.Tensor, rows: tf.Tensor2D, columns: tf.Tensor2D): tf.Tensor {
  const [batch, height, width, channels] = images.shape as [number, number, number, number];
  const [, outHeight, outWidth] = dy.shape as [number, number, number];
  const wide = tf.reshape(tf.transpose(dy, [1, 0, 2, 3]), [outHeight, batch * outWidth * channels]);
  const high = tf.reshape(tf.matMul(rows, wide as tf.Tensor2D), [height, batch, outWidth, channels]);
  const columnsFirst = tf.reshape(tf.transpose(high, [2, 1, 0, 3]), [outWidth, batch * height * channels]);
  const resized = tf.reshape(tf.matMul(columns, columnsFirst as tf.Tensor2D), [width, batch, height, channels]);
  return tf.transpose(resized, [1, 2, 0, 3]);
}

const resizeBilinear = byOps(({ images }, attrs) => {
  const size = attrs.size as [number, number];
  const blended = (x: tf.Tensor, axis: 1 | 2) => {
    const { first, second, shares } = neighbours(x.shape[axis]!, size[axis - 1]!, attrs);
    const start = taken(x, first, axis);
    if (shares.every((share) => share === 0)) return start;
    const shape = axis === 1 ? [-1, 1, 1] : [-1, 1];
    return tf.add(start, tf.mul(tf.sub(taken(x, second, axis), start), tf.reshape(tf.tensor1d(shares), shape)));
  };
  return blended(blended(tf.cast(images!, 'float32'), 2), 1);
});

const resizeBilinearGradient = byOps(({ dy, images }, attrs) => {
  const matrix = (axis: 1 | 2) => {
    const input = images!.shape[axis]!;
    const { first, second, shares } = neighbours(input, dy!.shape[axis]!, attrs);
    return tf.add(
      weights(input, second, shares),
      weights(
        input,
        first,
        shares.map((share) => 1 - share),
      ),
    ) as tf.Tensor2D;
  };
  return transposedResize(dy!, images!, matrix(1), matrix(2));
});

export const resizing: LoweringTable = {
  ResizeNearestNeighbor: resizeNearestNeighbor,
  ResizeNearestNeighborGrad: resizeNearestNeighborGradient,
  ResizeBilinear: resizeBilinear,
  ResizeBilinearGrad: resizeBilinearGradient,
};
