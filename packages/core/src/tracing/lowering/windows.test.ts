// Convolutions and poolings, forward and backward, with the paddings, strides and dilations that TensorFlow.js has.
import * as tf from '@tensorflow/tfjs-core';
import { describeKernels, floats, type KernelCase } from '../../testing/kernel-cases.js';
import type { Values } from '../../testing/onnx-runtime.js';
import { convolutions } from './convolution.js';
import { normalization } from './normalization.js';
import { poolings } from './pooling.js';
import { resizing } from './resizing.js';

type Operation = (x: tf.Tensor4D, filter: tf.Tensor4D) => tf.Tensor;

const volumetric =
  (operation: (x: tf.Tensor5D, filter: tf.Tensor5D) => tf.Tensor): Operation =>
  (x, filter) =>
    operation(x as tf.Tensor as tf.Tensor5D, filter as tf.Tensor as tf.Tensor5D);

/** Weights every output differently, so that no gradient is right merely by symmetry. */
function weighted(y: tf.Tensor): tf.Scalar {
  return tf.sum(tf.mul(y, tf.cos(tf.reshape(tf.range(1, y.size + 1), y.shape))));
}

function forward(operation: Operation, x: Values, filter: Values): KernelCase {
  return { inputs: { x, filter }, fn: ({ x, filter }) => operation(x as tf.Tensor4D, filter as tf.Tensor4D) };
}

function backward(operation: Operation, x: Values, filter: Values): KernelCase {
  return {
    inputs: { x, filter },
    fn: ({ x, filter }) => tf.grads((a, b) => weighted(operation(a as tf.Tensor4D, b as tf.Tensor4D)))([x!, filter!]),
  };
}

function pooled(operation: (x: tf.Tensor) => tf.Tensor, x: Values): KernelCase {
  return { inputs: { x }, fn: ({ x }) => operation(x!) };
}

function poolGradient(operation: (x: tf.Tensor) => tf.Tensor, x: Values): KernelCase {
  return pooled(
    tf.grad((a) => weighted(operation(a))),
    x,
  );
}

const image = floats(2, 7, 6, 3);
const filter = floats(3, 2, 3, 4);
const channelFilter = floats(3, 2, 3, 2);
const volume = floats(2, 5, 4, 6, 2);
const volumeFilter = floats(2, 3, 2, 2, 3);

const settings: [number | [number, number], 'same' | 'valid' | number][] = [
  [1, 'same'],
  [1, 'valid'],
  [2, 'same'],
  [[2, 1], 'valid'],
  [3, 'valid'],
];
const convolutions2d = settings.map(
  ([strides, pad]): Operation =>
    (x, f) =>
      tf.conv2d(x, f, strides, pad),
);
const squared: [number, number][] = [
  [0, 0],
  [0, 1],
  [0, 0],
  [0, 0],
];
const explicit: Operation[] = [
  (x, f) => tf.conv2d(x, tf.pad(f, squared), 1, 1),
  (x, f) => tf.conv2d(x, tf.pad(f, squared), 2, 1, 'NHWC', undefined, 'floor'),
  (x, f) =>
    tf.conv2d(x, f, 1, [
      [0, 0],
      [2, 1],
      [0, 1],
      [0, 0],
    ]),
];
const depthwise2d = settings
  .filter(([strides]) => !Array.isArray(strides))
  .map(
    ([strides, pad]): Operation =>
      (x, f) =>
        tf.depthwiseConv2d(x, f, strides, pad),
  );
const convolutions3d = (
  [
    [1, 'same'],
    [2, 'same'],
    [1, 'valid'],
    [2, 'valid'],
  ] as const
).map(([strides, pad]) => volumetric((x, f) => tf.conv3d(x, f, strides, pad)));

const transposed: Operation = (x, f) => tf.conv2dTranspose(x, f, [2, 14, 12, 3], 2, 'same');
const transposedImage = floats(2, 7, 6, 4);

type Pooling = (x: tf.Tensor, size: number, strides: number, pad: 'same' | 'valid') => tf.Tensor;

const maxPool: Pooling = (x, ...settings) => tf.maxPool(x as tf.Tensor4D, ...settings);
const averagePool: Pooling = (x, ...settings) => tf.avgPool(x as tf.Tensor4D, ...settings);
const maxPool3d: Pooling = (x, size, strides, pad) => tf.maxPool3d(x as tf.Tensor5D, size, strides, pad);
const averagePool3d: Pooling = (x, size, strides, pad) => tf.avgPool3d(x as tf.Tensor5D, size, strides, pad);
const variants = (pooling: Pooling) =>
  (
    [
      [2, 2, 'valid'],
      [2, 2, 'same'],
      [3, 1, 'same'],
      [3, 2, 'valid'],
    ] as const
  ).map(
    ([size, strides, pad]) =>
      (x: tf.Tensor) =>
        pooling(x, size, strides, pad),
  );
/** Rectified, so that many windows contain only equal zeros. */
const rectified = (pool: (x: tf.Tensor) => tf.Tensor) => (x: tf.Tensor) => pool(tf.relu(x));

const batchNorm = ([x, mean, variance, offset, scale]: tf.Tensor[]) =>
  tf.batchNorm(x!, mean as tf.Tensor1D, tf.abs(variance!) as tf.Tensor1D, offset as tf.Tensor1D, scale as tf.Tensor1D);
const channels = () => floats(3);
const normalized = { x: image, mean: channels(), variance: channels(), offset: channels(), scale: channels() };
const { offset: _, scale: __, ...plain } = normalized;

const upsampled = (x: tf.Tensor) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [14, 18]);

describeKernels([convolutions, poolings, normalization, resizing], {
  Conv2D: [
    ...[...convolutions2d, ...explicit].map((operation) => forward(operation, image, filter)),
    forward((x, f) => tf.conv2d(x, f, 1, 'same', 'NHWC', 2), image, filter),
    forward((x, f) => tf.conv2d(x, f, 1, 'valid', 'NHWC', [1, 3]), image, filter),
  ],
  Conv2DBackpropInput: [
    ...[...convolutions2d, ...explicit].map((operation) => backward(operation, image, filter)),
    forward(transposed, transposedImage, filter),
    backward(transposed, transposedImage, filter),
  ],
  Conv2DBackpropFilter: convolutions2d.map((operation) => backward(operation, image, filter)),
  FusedConv2D: [
    ...(['linear', 'relu', 'relu6', 'sigmoid', 'elu', 'leakyrelu'] as const).map((activation) =>
      forward(
        (x, filter) =>
          tf.fused.conv2d({ x, filter, strides: 2, pad: 'same', bias: tf.tensor1d([1, 2, 3, 4]), activation }),
        image,
        filter,
      ),
    ),
    forward((x, filter) => tf.fused.conv2d({ x, filter, strides: 1, pad: 'valid' }), image, filter),
  ],
  Conv3D: convolutions3d.map((operation) => forward(operation, volume, volumeFilter)),
  Conv3DBackpropInputV2: [
    ...convolutions3d.map((operation) => backward(operation, volume, volumeFilter)),
    forward(
      volumetric((x, f) => tf.conv3dTranspose(x, f, [2, 10, 8, 12, 2], 2, 'same')),
      floats(2, 5, 4, 6, 3),
      volumeFilter,
    ),
  ],
  Conv3DBackpropFilterV2: convolutions3d.map((operation) => backward(operation, volume, volumeFilter)),
  DepthwiseConv2dNative: [
    ...depthwise2d.map((operation) => forward(operation, image, channelFilter)),
    forward((x, f) => tf.depthwiseConv2d(x, f, 1, 'same', 'NHWC', 2), image, channelFilter),
  ],
  FusedDepthwiseConv2D: [
    forward(
      (x, filter) =>
        tf.fused.depthwiseConv2d({
          x,
          filter,
          strides: 1,
          pad: 'same',
          bias: tf.tensor1d([1, 2, 3, 4, 5, 6]),
          activation: 'relu',
        }),
      image,
      channelFilter,
    ),
  ],
  DepthwiseConv2dNativeBackpropInput: depthwise2d.map((operation) => backward(operation, image, channelFilter)),
  DepthwiseConv2dNativeBackpropFilter: depthwise2d.map((operation) => backward(operation, image, channelFilter)),
  MaxPool: variants(maxPool).map((pool) => pooled(pool, image)),
  MaxPoolGrad: variants(maxPool).map((pool) => poolGradient(rectified(pool), image)),
  AvgPool: variants(averagePool).map((pool) => pooled(pool, image)),
  AvgPoolGrad: variants(averagePool).map((pool) => poolGradient(pool, image)),
  MaxPool3D: variants(maxPool3d).map((pool) => pooled(pool, volume)),
  MaxPool3DGrad: variants(maxPool3d).map((pool) => poolGradient(rectified(pool), volume)),
  AvgPool3D: variants(averagePool3d).map((pool) => pooled(pool, volume)),
  AvgPool3DGrad: variants(averagePool3d).map((pool) => poolGradient(pool, volume)),
  FusedBatchNorm: [
    { inputs: normalized, fn: (inputs) => batchNorm(Object.values(inputs)) },
    { inputs: plain, fn: (inputs) => batchNorm(Object.values(inputs)) },
    {
      inputs: normalized,
      fn: (inputs) => tf.grads((...values) => weighted(batchNorm(values)))(Object.values(inputs)),
    },
  ],
  MaxPoolWithArgmax: [
    {
      inputs: { x: image },
      fn: ({ x }) => Object.values(tf.maxPoolWithArgmax(x as tf.Tensor4D, [2, 3], 2, 'same', true)),
    },
  ],
  ResizeBilinear: [
    pooled((x) => tf.image.resizeBilinear(x as tf.Tensor4D, [5, 9]), image),
    pooled((x) => tf.image.resizeBilinear(x as tf.Tensor4D, [5, 9], true), image),
    pooled((x) => tf.image.resizeBilinear(x as tf.Tensor4D, [14, 3], false, true), image),
  ],
  // The cpu backend's gradient is for square images, without pixel centres.
  ResizeBilinearGrad: [
    poolGradient((x) => tf.image.resizeBilinear(x as tf.Tensor4D, [5, 9]), floats(1, 6, 6, 3)),
    poolGradient((x) => tf.image.resizeBilinear(x as tf.Tensor4D, [5, 9], true), floats(2, 6, 6, 3)),
  ],
  ResizeNearestNeighbor: [pooled(upsampled, image)],
  // TensorFlow.js's cpu backend reads wrong gradients from the second image of a batch on.
  ResizeNearestNeighborGrad: [poolGradient(upsampled, floats(1, 7, 6, 3))],
});
