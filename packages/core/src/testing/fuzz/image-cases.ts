/** Cases of matrix products, convolutions, pooling, images and Fourier transforms. */
import * as tf from '@tensorflow/tfjs-core';
import type { Values } from '../onnx-runtime.js';
import type { FuzzCase } from './differential.js';
import type { Draw } from './drawing.js';
import { either, type Generator } from './elementwise-cases.js';

type Pair = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor | tf.Tensor[];
type Padding = 'same' | 'valid' | number;

function pair(
  draw: Draw,
  [a, b]: readonly [Values, Values],
  settings: unknown,
  op: Pair,
  differentiable = true,
): FuzzCase {
  const isSmooth = differentiable && a.dtype === undefined && b.dtype === undefined && draw.chance(0.4);
  return {
    settings,
    inputs: { a, b },
    fn: ({ a, b }) => op(a!, b!),
    gradients: isSmooth ? ['a', 'b'] : [],
    sums: true,
  };
}

function single(
  draw: Draw,
  x: Values,
  settings: unknown,
  op: (x: tf.Tensor) => tf.Tensor | tf.Tensor[],
  gradient = 0.4,
): FuzzCase {
  const isSmooth = x.dtype === undefined && draw.chance(gradient);
  return { settings, inputs: { x }, fn: ({ x }) => op(x!), gradients: isSmooth ? ['x'] : [], sums: true };
}

const numbers = (draw: Draw, shape: readonly number[]) =>
  draw.chance(0.8) ? draw.floats(shape) : draw.integers(shape);

const matMul: Generator = (draw) => {
  const batch = draw.shape(0, 2, 3);
  // The cpu backend takes wrong batches where a dimension of 1 follows a longer one.
  const ones = draw.chance(0.5) ? 0 : draw.integer(0, batch.length);
  const other = batch.map((size, k) => (k < ones ? 1 : size));
  const [rows, inner, columns] = [draw.integer(1, 4), draw.integer(1, 4), draw.integer(1, 4)];
  const [transposeA, transposeB] = [draw.chance(0.3), draw.chance(0.3)];
  const shapeA = [...batch, ...(transposeA ? [inner, rows] : [rows, inner])];
  const shapeB = [...other, ...(transposeB ? [columns, inner] : [inner, columns])];
  const isFloat = draw.chance(0.8);
  const drawn = (shape: number[]) => (isFloat ? draw.floats(shape) : draw.integers(shape));
  return pair(draw, [drawn(shapeA), drawn(shapeB)], { transposeA, transposeB }, (a, b) =>
    tf.matMul(a, b, transposeA, transposeB),
  );
};

const activations = ['linear', 'relu', 'relu6', 'sigmoid', 'elu', 'leakyrelu', 'prelu', 'tanh'] as const;

const fusedMatMul: Generator = (draw) => {
  const batch = draw.shape(0, 1, 3);
  const [rows, inner, columns] = [draw.integer(1, 4), draw.integer(1, 4), draw.integer(1, 4)];
  const activation = draw.one(activations) as 'relu';
  const bias = draw.floats(draw.one([[columns], [1], [rows, columns], []]));
  return {
    settings: { activation },
    inputs: {
      a: draw.floats([...batch, rows, inner]),
      b: draw.floats([...batch, inner, columns]),
      bias,
      slope: draw.floats([columns], 'positive'),
    },
    fn: ({ a, b, bias, slope }) =>
      tf.fused.matMul({ a: a!, b: b!, bias: bias!, activation, preluActivationWeights: slope!, leakyreluAlpha: 0.3 }),
    gradients: draw.chance(0.3) && ['linear', 'relu', 'relu6'].includes(activation) ? ['a', 'b', 'bias'] : [],
    sums: true,
  };
};

const einsum: Generator = (draw) => {
  const equation = draw.one([
    'ij,jk->ik',
    'bij,bjk->bik',
    'ij->ji',
    'ij->i',
    'i,j->ij',
    'bhqd,bhkd->bhqk',
    'ij,ij->',
    'ij,jk',
  ]);
  const sizes = new Map([...'bhqdkij'].map((name) => [name, draw.integer(1, 3)]));
  const operands = equation
    .split('->')[0]!
    .split(',')
    .map((names) => draw.floats([...names].map((name) => sizes.get(name)!)));
  return {
    settings: { equation },
    inputs: Object.fromEntries(operands.map((operand, k) => [`x${k}`, operand])),
    fn: (inputs) => tf.einsum(equation, ...operands.map((_, k) => inputs[`x${k}`]!)),
    sums: true,
  };
};

interface WindowSettings {
  readonly strides: number | [number, number];
  readonly pad: Padding;
  readonly dilations: number;
  readonly rounding: 'floor' | 'ceil' | 'round' | undefined;
}

function windowSettings(draw: Draw): WindowSettings {
  const pad = draw.one<Padding>(['same', 'valid', 'valid', 0, 1, 2]);
  const dilations = draw.chance(0.2) ? 2 : 1;
  const strides = dilations > 1 ? 1 : draw.one<number | [number, number]>([1, 1, 2, 3, [2, 1]]);
  return {
    strides,
    pad,
    dilations,
    rounding: typeof pad === 'number' ? draw.one(['floor', 'ceil', 'round'] as const) : undefined,
  };
}

/** The cpu backend forgets other roundings in gradients. */
const flooring = (pad: Padding) => (typeof pad === 'number' ? ('floor' as const) : undefined);

const image = (draw: Draw, channels = draw.integer(1, 3)) => [
  draw.integer(1, 2),
  draw.integer(3, 7),
  draw.integer(3, 7),
  channels,
];

const conv2d: Generator = (draw) => {
  const { strides, pad, dilations } = windowSettings(draw);
  const rounding = flooring(pad);
  const shape = image(draw);
  const filter = draw.floats([draw.integer(1, 3), draw.integer(1, 3), shape[3]!, draw.integer(1, 3)]);
  return pair(draw, [draw.floats(shape), filter], { strides, pad, dilations, rounding }, (x, filter) =>
    tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, strides, pad, 'NHWC', dilations, rounding),
  );
};

const depthwise: Generator = (draw) => {
  const { strides, pad, dilations } = windowSettings(draw);
  const rounding = flooring(pad);
  const shape = image(draw);
  const filter = draw.floats([draw.integer(1, 3), draw.integer(1, 3), shape[3]!, draw.integer(1, 2)]);
  const square = Array.isArray(strides) ? 1 : strides;
  return pair(draw, [draw.floats(shape), filter], { square, pad, dilations, rounding }, (x, filter) =>
    tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, square, pad, 'NHWC', dilations, rounding),
  );
};

const fusedConv =
  (op: typeof tf.fused.conv2d, depth: boolean): Generator =>
  (draw) => {
    const { pad } = windowSettings(draw);
    const shape = image(draw);
    const multiplier = draw.integer(1, 2);
    const channels = depth ? shape[3]! * multiplier : multiplier;
    const activation = draw.one(activations) as 'relu';
    return {
      settings: { pad, activation },
      inputs: {
        x: draw.floats(shape),
        filter: draw.floats([2, 2, shape[3]!, multiplier]),
        bias: draw.floats(draw.one([[channels], [1]])),
        slope: draw.floats([channels], 'positive'),
      },
      fn: ({ x, filter, bias, slope }) =>
        op({
          ...{ x: x as tf.Tensor4D, filter: filter as tf.Tensor4D, strides: 1, pad, bias: bias!, activation },
          ...{ preluActivationWeights: slope!, leakyreluAlpha: 0.3 },
        }),
      gradients: draw.chance(0.3) && ['linear', 'relu', 'relu6'].includes(activation) ? ['x', 'filter', 'bias'] : [],
      sums: true,
    };
  };

const conv3d: Generator = (draw) => {
  const pad = draw.one(['same', 'valid'] as const);
  const strides = draw.one([1, 2]);
  const shape = [1, draw.integer(2, 5), draw.integer(2, 5), draw.integer(2, 5), draw.integer(1, 2)];
  const filter = draw.floats([2, draw.integer(strides, 2), 2, shape[4]!, draw.integer(1, 2)]);
  return pair(draw, [draw.floats(shape), filter], { strides, pad }, (x, filter) =>
    tf.conv3d(x as tf.Tensor5D, filter as tf.Tensor5D, strides, pad),
  );
};

const transposedConv: Generator = (draw) => {
  const pad = draw.one(['same', 'valid'] as const);
  const strides = draw.one([1, 2]);
  const size = draw.integer(1, 3);
  const [input, output] = [draw.integer(2, 4), draw.integer(1, 2)];
  const length = pad === 'same' ? input * strides : (input - 1) * strides + size;
  const channels = draw.integer(1, 2);
  return pair(
    draw,
    [draw.floats([1, input, input, channels]), draw.floats([size, size, output, channels])],
    { strides, pad },
    (x, filter) =>
      tf.conv2dTranspose(x as tf.Tensor4D, filter as tf.Tensor4D, [1, length, length, output], strides, pad),
  );
};

function pooling(op: typeof tf.maxPool, gradient: number): Generator {
  return (draw) => {
    const { strides, pad, rounding } = windowSettings(draw);
    const size = draw.one<number | [number, number]>([1, 2, 3, [2, 3]]);
    const shape = image(draw);
    const x = draw.chance(0.85) ? draw.distinct(shape) : draw.integers(shape);
    const mode = gradient > 0 ? flooring(pad) : rounding;
    return single(
      draw,
      x,
      { size, strides, pad, mode },
      (x) => op(x as tf.Tensor4D, size, strides, pad, mode),
      gradient,
    );
  };
}

function pooling3d(op: typeof tf.maxPool3d, gradient: number): Generator {
  return (draw) => {
    const pad = draw.one(['same', 'valid'] as const);
    const size = draw.integer(1, 3);
    const strides = draw.integer(1, size); // beyond the window, the cpu backend pads by less than nothing
    const shape = [1, draw.integer(3, 4), draw.integer(3, 4), draw.integer(3, 4), draw.integer(1, 2)];
    return single(
      draw,
      draw.distinct(shape),
      { size, strides, pad },
      (x) => op(x as tf.Tensor5D, size, strides, pad),
      gradient,
    );
  };
}

const maxPoolWithArgmax: Generator = (draw) => {
  const pad = draw.one(['same', 'valid'] as const);
  const [size, strides, batch] = [draw.integer(1, 3), draw.integer(1, 2), draw.chance(0.5)];
  return single(
    draw,
    draw.distinct(image(draw)),
    { size, strides, pad, batch },
    (x) => Object.values(tf.maxPoolWithArgmax(x as tf.Tensor4D, size, strides, pad, batch)),
    0,
  );
};

const dilation2d: Generator = (draw) => {
  const pad = draw.one(['same', 'valid'] as const);
  const [strides, dilations] = [draw.integer(1, 2), draw.integer(1, 2)];
  const shape = image(draw);
  const filter = draw.floats([draw.integer(1, 2), draw.integer(1, 2), shape[3]!]);
  return pair(draw, [draw.distinct(shape), filter], { pad, strides, dilations }, (x, filter) =>
    tf.dilation2d(x as tf.Tensor4D, filter as tf.Tensor3D, strides, pad, dilations),
  );
};

const resize =
  (op: typeof tf.image.resizeBilinear): Generator =>
  (draw) => {
    const shape = [1, draw.integer(1, 5), draw.integer(1, 5), draw.integer(1, 2)];
    const size: [number, number] = draw.chance(0.3)
      ? [shape[1]! * draw.integer(1, 3), shape[2]! * draw.integer(1, 3)]
      : [draw.integer(1, 7), draw.integer(1, 7)];
    const mode = draw.integer(0, 2);
    const [corners, centres] = [mode === 1, mode === 2];
    // The cpu backend's gradients are for square images, without pixel centres; from one aligned pixel they never end.
    const isDifferentiable = shape[1] === shape[2] && !centres && !(corners && shape[1] === 1);
    return single(
      draw,
      numbers(draw, shape),
      { size, corners, centres },
      (x) => op(x as tf.Tensor4D, size, corners, centres),
      isDifferentiable ? 0.5 : 0,
    );
  };

const lrn: Generator = (draw) => {
  const [radius, bias, alpha, beta] = [
    draw.integer(1, 4),
    draw.one([1, 0.5]),
    draw.one([1, 0.1]),
    draw.one([0.5, 0.75]),
  ];
  return single(draw, draw.floats(image(draw, draw.integer(1, 5))), { radius, bias, alpha, beta }, (x) =>
    tf.localResponseNormalization(x as tf.Tensor4D, radius, bias, alpha, beta),
  );
};

const cropAndResize: Generator = (draw) => {
  const shape = image(draw);
  const boxes = draw.integer(1, 3);
  const size: [number, number] = [draw.integer(1, 4), draw.integer(1, 4)];
  const method = draw.one(['bilinear', 'nearest'] as const);
  // Fractions that no sample at the image's edge depends on.
  const corners = Array.from({ length: boxes * 4 }, () => draw.integer(1, 9) / 10.37 - (draw.chance(0.1) ? 0.6 : 0));
  return {
    settings: { size, method },
    inputs: {
      image: draw.floats(shape),
      boxes: { shape: [boxes, 4], values: corners.map(Math.fround) },
      ids: draw.integers([boxes], 0, shape[0]! - 1),
    },
    fn: ({ image, boxes, ids }) =>
      tf.image.cropAndResize(image as tf.Tensor4D, boxes as tf.Tensor2D, ids as tf.Tensor1D, size, method, 0.5),
    sums: true,
  };
};

const rotate: Generator = (draw) => {
  const angle = draw.integer(-30, 30) / 9.7;
  const fill = draw.one<number | [number, number, number]>([0, 1, [1, 2, 3]]);
  const shape = image(draw, draw.integer(3, 4));
  return single(
    draw,
    numbers(draw, shape),
    { angle, fill },
    (x) => tf.image.rotateWithOffset(x as tf.Tensor4D, angle, fill, 0.5),
    0,
  );
};

const transform: Generator = (draw) => {
  const shape = image(draw).with(0, 1);
  const mode = draw.one(['constant', 'reflect', 'wrap', 'nearest'] as const);
  const method = draw.one(['bilinear', 'nearest'] as const);
  const matrix = [1.13, 0.21, -1.3, -0.17, 0.93, 0.7, 0.01, 0.02].map((value) => value + draw.integer(-9, 9) / 93.1);
  return {
    settings: { mode, method },
    inputs: { image: draw.floats(shape), matrix: { shape: [1, 8], values: matrix.map(Math.fround) } },
    fn: ({ image, matrix }) => tf.image.transform(image as tf.Tensor4D, matrix as tf.Tensor2D, method, mode, 2),
    sums: true,
  };
};

const nonMaxSuppression: Generator = (draw) => {
  const count = draw.integer(1, 8);
  const corners = Array.from({ length: count }, () => [draw.integer(0, 20) / 7.3, draw.integer(0, 20) / 6.1]);
  const boxes = corners.flatMap(([y, x]) => [y!, x!, y! + draw.integer(1, 9) / 5.7, x! + draw.integer(1, 9) / 4.9]);
  const most = draw.integer(1, count + 2);
  const [overlap, score] = [draw.one([0.11, 0.5, 0.77]), draw.one([Number.NEGATIVE_INFINITY, -0.5, 0.3])];
  return {
    settings: { most, overlap, score },
    inputs: { boxes: { shape: [count, 4], values: boxes.map(Math.fround) }, scores: draw.distinct([count]) },
    fn: ({ boxes, scores }) =>
      Object.values(
        tf.image.nonMaxSuppressionPadded(boxes as tf.Tensor2D, scores as tf.Tensor1D, most, overlap, score, true),
      ),
  };
};

const batchNorm: Generator = (draw) => {
  const shape = draw.shape(2, 4);
  const channels = [shape.at(-1)!];
  return {
    settings: {},
    inputs: {
      x: draw.floats(shape),
      mean: draw.floats(channels),
      variance: draw.floats(channels, 'positive'),
      offset: draw.floats(channels),
      scale: draw.floats(channels),
    },
    fn: ({ x, mean, variance, offset, scale }) =>
      tf.batchNorm(x!, mean as tf.Tensor1D, variance as tf.Tensor1D, offset as tf.Tensor1D, scale as tf.Tensor1D),
    gradients: draw.chance(0.4) ? ['x', 'mean', 'variance', 'offset', 'scale'] : [],
    sums: true,
  };
};

type Complex = (x: tf.Tensor) => tf.Tensor;

function complexCase(op: Complex): Generator {
  return (draw) => {
    const shape = draw.shape(1, 2, 6);
    return {
      settings: {},
      inputs: { real: draw.floats(shape), imag: draw.floats(shape) },
      fn: ({ real, imag }) => {
        const result = op(tf.complex(real!, imag!));
        return result.dtype === 'complex64' ? [tf.real(result), tf.imag(result)] : result;
      },
      sums: true,
    };
  };
}

const rfft: Generator = (draw) => {
  const x = draw.floats([draw.integer(1, 2), draw.integer(1, 8)]);
  const length = draw.chance(0.5) ? undefined : draw.integer(1, 9);
  return single(
    draw,
    x,
    { length },
    (x) => [tf.real(tf.spectral.rfft(x, length)), tf.imag(tf.spectral.rfft(x, length))],
    0,
  );
};

export const imageCases: Readonly<Record<string, Generator>> = {
  BatchMatMul: matMul,
  _FusedMatMul: fusedMatMul,
  Einsum: einsum,
  Conv2D: conv2d,
  FusedConv2D: fusedConv(tf.fused.conv2d, false),
  FusedDepthwiseConv2D: fusedConv(tf.fused.depthwiseConv2d as never, true),
  DepthwiseConv2dNative: depthwise,
  Conv2DBackpropFilter: (draw) => ({ ...conv2d(draw), gradients: ['b'] }),
  Conv2DBackpropInput: transposedConv,
  Conv3D: conv3d,
  Conv3DBackpropFilterV2: (draw) => ({ ...conv3d(draw), gradients: ['b'] }),
  Conv3DBackpropInputV2: (draw) => ({ ...conv3d(draw), gradients: ['a'] }),
  DepthwiseConv2dNativeBackpropInput: (draw) => ({ ...depthwise(draw), gradients: ['a'] }),
  DepthwiseConv2dNativeBackpropFilter: (draw) => ({ ...depthwise(draw), gradients: ['b'] }),
  MaxPool: pooling(tf.maxPool, 0),
  MaxPoolGrad: pooling(tf.maxPool, 1),
  AvgPool: pooling(tf.avgPool, 0),
  AvgPoolGrad: pooling(tf.avgPool, 1),
  MaxPool3D: pooling3d(tf.maxPool3d, 0),
  MaxPool3DGrad: pooling3d(tf.maxPool3d, 1),
  AvgPool3D: pooling3d(tf.avgPool3d, 0),
  AvgPool3DGrad: pooling3d(tf.avgPool3d, 1),
  MaxPoolWithArgmax: maxPoolWithArgmax,
  Dilation2D: dilation2d,
  Dilation2DBackpropInput: (draw) => ({ ...dilation2d(draw), gradients: ['a'] }),
  Dilation2DBackpropFilter: (draw) => ({ ...dilation2d(draw), gradients: ['b'] }),
  ResizeBilinear: resize(tf.image.resizeBilinear),
  ResizeBilinearGrad: resize(tf.image.resizeBilinear),
  ResizeNearestNeighbor: resize(tf.image.resizeNearestNeighbor),
  ResizeNearestNeighborGrad: resize(tf.image.resizeNearestNeighbor),
  LRN: lrn,
  LRNGrad: (draw) => ({ ...lrn(draw), gradients: ['x'] }),
  CropAndResize: cropAndResize,
  FlipLeftRight: (draw) =>
    single(draw, numbers(draw, image(draw)), {}, (x) => tf.image.flipLeftRight(x as tf.Tensor4D), 0),
  RotateWithOffset: rotate,
  Transform: transform,
  NonMaxSuppressionV4: nonMaxSuppression,
  FusedBatchNorm: batchNorm,
  Complex: complexCase((x) => tf.reshape(x, [-1])),
  Real: complexCase((x) => tf.real(x)),
  Imag: complexCase((x) => tf.imag(x)),
  ComplexAbs: complexCase(tf.abs),
  FFT: either(complexCase(tf.spectral.fft), rfft),
  IFFT: either(complexCase(tf.spectral.ifft), complexCase(tf.spectral.irfft)),
};
