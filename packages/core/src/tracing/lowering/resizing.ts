/** Resizing of images [batch, height, width, channels] by repetition, and its gradient. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { TraceError } from '../backend.js';
import type { KernelCall, Lowering, LoweringTable } from './lowering.js';

/** The number of repetitions of each row and each column. */
function repetitions(images: readonly number[], size: readonly number[], attrs: KernelCall['attrs']): number[] {
  const factors = size.map((target, axis) => target / images[axis + 1]!);
  if (attrs.alignCorners || attrs.halfPixelCenters || !factors.every(Number.isInteger)) {
    throw new TraceError(
      'cannot trace resizeNearestNeighbor except by whole factors, with neither corners nor centres aligned',
    );
  }
  return factors;
}

/** The shape that puts each pixel's repetitions on separate axes: [batch, height, rows, width, columns, channels]. */
function repeatedShape([batch, height, width, channels]: readonly number[], [rows, columns]: readonly number[]) {
  return [batch!, height!, rows!, width!, columns!, channels!];
}

const resizeNearestNeighbor: Lowering = ({ inputs: { images }, attrs, graph }) => {
  const size = attrs.size as [number, number];
  const factors = repetitions(images!.shape, size, attrs);
  const [once, repeated] = [[1, 1], factors].map((counts) => repeatedShape(images!.shape, counts)) as [
    number[],
    number[],
  ];
  const pixels = graph.emit('Reshape', [images!, graph.int64(once)], { ...images!, shape: once });
  const copies = graph.emit('Expand', [pixels, graph.int64(repeated)], { ...images!, shape: repeated });
  const shape = [images!.shape[0]!, ...size, images!.shape[3]!];
  return graph.emit('Reshape', [copies, graph.int64(shape)], { ...images!, shape });
};

const resizeNearestNeighborGradient: Lowering = ({ inputs, attrs, graph }) => {
  const { dy, images } = inputs as { dy: TensorInfo; images: TensorInfo };
  const repeated = repeatedShape(images.shape, repetitions(images.shape, dy.shape.slice(1, 3), attrs));
  const copies = graph.emit('Reshape', [dy, graph.int64(repeated)], { ...dy, shape: repeated });
  return graph.emit('ReduceSum', [copies, graph.int64([2, 4])], images, { attributes: { keepdims: { i: 0 } } });
};

export const resizing: LoweringTable = {
  ResizeNearestNeighbor: resizeNearestNeighbor,
  ResizeNearestNeighborGrad: resizeNearestNeighborGradient,
};
