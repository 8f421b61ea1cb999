/** Convolutions over two or three axes, and their gradients. Filters are [kernel…, input channels, output channels]. */
import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { GraphRecorder } from '../recorder.js';
import { activated } from './fused-activation.js';
import type { Lowering, LoweringTable } from './lowering.js';
import { toChannelsFirst, toChannelsLast, transposed, type Windows, windowAttributes, windowsOf } from './windows.js';

/** [kernel…, in, out] → [out, in, kernel…], the layout of both Conv and ConvTranspose. */
function onnxFilter(graph: GraphRecorder, filter: TensorInfo): TensorInfo {
  const axes = [...filter.shape.keys()];
  return transposed(graph, filter, [axes.length - 1, axes.length - 2, ...axes.slice(0, -2)]);
}

/**
 * Converts a filter with separate kernels for each channel: [kernel…, channels, multiplier] → [channels·multiplier, 1,
 * kernel…].
 */
function onnxDepthwiseFilter(graph: GraphRecorder, filter: TensorInfo): TensorInfo {
  const axes = [...filter.shape.keys()];
  const [channels, multiplier] = filter.shape.slice(-2) as [number, number];
  const moved = transposed(graph, filter, [axes.length - 2, axes.length - 1, ...axes.slice(0, -2)]);
  const shape = [channels * multiplier, 1, ...filter.shape.slice(0, -2)];
  return graph.emit('Reshape', [moved, graph.int64(shape)], { shape, dtype: 'float32' });
}

interface Convolution {
  readonly graph: GraphRecorder;
  readonly windows: Windows;
  /** The filter in ONNX's layout. */
  readonly filter: TensorInfo;
  readonly groups: number;
}

/** @param bias one number for each output channel */
function convolve({ graph, windows, filter, groups }: Convolution, x: TensorInfo, bias?: TensorInfo): TensorInfo {
  const shape = [x.shape[0]!, filter.shape[0]!, ...windows.output];
  const attributes = {
    ...windowAttributes(windows),
    dilations: { ints: windows.dilations },
    group: { i: groups },
  };
  const inputs = [toChannelsFirst(graph, x), filter, ...(bias ? [bias] : [])];
  return toChannelsLast(graph, graph.emit('Conv', inputs, { shape, dtype: 'float32' }, { attributes }));
}

/**
 * The gradient with respect to the input: spreads each output's gradient over the window that the output was computed
 * from.
 */
function spread({ graph, windows, filter, groups }: Convolution, dy: TensorInfo): TensorInfo {
  const shape = [dy.shape[0]!, filter.shape[1]! * groups, ...windows.input];
  const attributes = {
    ...windowAttributes(windows),
    dilations: { ints: windows.dilations },
    group: { i: groups },
    output_padding: { ints: windows.uncovered },
  };
  const inputs = [toChannelsFirst(graph, dy), filter];
  return toChannelsLast(graph, graph.emit('ConvTranspose', inputs, { shape, dtype: 'float32' }, { attributes }));
}

/**
 * For each position within the window, the inputs at that position of all windows: tensors [batch, output…, channels].
 */
function taps(graph: GraphRecorder, x: TensorInfo, windows: Windows): TensorInfo[] {
  const padded = paddedInput(graph, x, windows);
  const spatial = windows.kernel.map((_, axis) => axis + 1);
  return positions(windows.kernel).map((position) => {
    const begin = position.map((tap, axis) => tap * windows.dilations[axis]!);
    const end = begin.map((start, axis) => start + (windows.output[axis]! - 1) * windows.strides[axis]! + 1);
    const slice = [begin, end, spatial, windows.strides].map((values) => graph.int64(values));
    const shape = [x.shape[0]!, ...windows.output, x.shape.at(-1)!];
    return graph.emit('Slice', [padded, ...slice], { shape, dtype: x.dtype });
  });
}

function paddedInput(graph: GraphRecorder, x: TensorInfo, { before, after, input }: Windows): TensorInfo {
  if ([...before, ...after].every((count) => count === 0)) return x;
  const shape = [x.shape[0]!, ...input.map((size, k) => before[k]! + size + after[k]!), x.shape.at(-1)!];
  return graph.emit('Pad', [x, graph.int64([0, ...before, 0, 0, ...after, 0])], { shape, dtype: x.dtype });
}

/** All positions in a box of this shape, in row-major order. */
function positions(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (prefixes, size) => prefixes.flatMap((prefix) => Array.from({ length: size }, (_, k) => [...prefix, k])),
    [[]],
  );
}

const convolution: Lowering = (call) => {
  const { inputs, attrs, graph } = call;
  const { x, filter, bias } = inputs as { x: TensorInfo; filter: TensorInfo; bias?: TensorInfo };
  const windows = windowsOf(x.shape, filter.shape.slice(0, -2), attrs);
  const perChannel = bias && biasVector(graph, bias, filter.shape.at(-1)!);
  return activated(call, convolve({ graph, windows, filter: onnxFilter(graph, filter), groups: 1 }, x, perChannel));
};

/** One number for each channel, also where one number is given for all. */
function biasVector(graph: GraphRecorder, bias: TensorInfo, channels: number): TensorInfo {
  const size = util.sizeFromShape(bias.shape);
  const flat = graph.emit('Reshape', [bias, graph.int64([-1])], { shape: [size], dtype: 'float32' });
  if (size === channels) return flat;
  return graph.emit('Expand', [flat, graph.int64([channels])], { shape: [channels], dtype: 'float32' });
}

const inputGradient: Lowering = ({ inputs, attrs, graph }) => {
  const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
  const windows = windowsOf(attrs.inputShape as number[], filter.shape.slice(0, -2), attrs, dy.shape.slice(1, -1));
  return spread({ graph, windows, filter: onnxFilter(graph, filter), groups: 1 }, dy);
};

/** Joins all windows into one matrix; its product with the outputs' gradients is the filter's gradient. */
const filterGradient: Lowering = ({ inputs, attrs, graph }) => {
  const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
  const shape = attrs.filterShape as unknown as number[];
  const parts = taps(graph, x, windowsOf(x.shape, shape.slice(0, -2), attrs, dy.shape.slice(1, -1)));
  const outputs = dy.shape.at(-1)!;
  const rows = util.sizeFromShape(dy.shape) / outputs;
  const columns = util.sizeFromShape(shape) / outputs;
  const patches = graph.emit(
    'Concat',
    parts,
    { shape: [...dy.shape.slice(0, -1), columns], dtype: 'float32' },
    { attributes: { axis: { i: -1 } } },
  );
  const asRows = (tensor: TensorInfo, width: number) =>
    graph.emit('Reshape', [tensor, graph.int64([rows, width])], { shape: [rows, width], dtype: 'float32' });
  const product = graph.emit(
    'Gemm',
    [asRows(patches, columns), asRows(dy, outputs)],
    { shape: [columns, outputs], dtype: 'float32' },
    { attributes: { transA: { i: 1 } } },
  );
  return graph.emit('Reshape', [product, graph.int64(shape)], { shape, dtype: 'float32' });
};

const depthwise: Lowering = (call) => {
  const { inputs, attrs, graph } = call;
  const { x, filter, bias } = inputs as { x: TensorInfo; filter: TensorInfo; bias?: TensorInfo };
  const windows = windowsOf(x.shape, filter.shape.slice(0, -2), attrs);
  const groups = x.shape.at(-1)!;
  const perChannel = bias && biasVector(graph, bias, groups * filter.shape.at(-1)!);
  return activated(
    call,
    convolve({ graph, windows, filter: onnxDepthwiseFilter(graph, filter), groups }, x, perChannel),
  );
};

const depthwiseInputGradient: Lowering = ({ inputs, attrs, graph }) => {
  const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
  const inputShape = attrs.inputShape as number[];
  const windows = windowsOf(inputShape, filter.shape.slice(0, -2), attrs, dy.shape.slice(1, -1));
  return spread({ graph, windows, filter: onnxDepthwiseFilter(graph, filter), groups: inputShape.at(-1)! }, dy);
};

/** For each position within the window, its inputs times the outputs' gradients, summed over batch and windows. */
const depthwiseFilterGradient: Lowering = ({ inputs, attrs, graph }) => {
  const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
  const shape = attrs.filterShape as unknown as number[];
  const [channels, multiplier] = shape.slice(-2) as [number, number];
  const rows = util.sizeFromShape(dy.shape) / (channels * multiplier);
  const reshaped = (tensor: TensorInfo, dims: number[]) =>
    graph.emit('Reshape', [tensor, graph.int64(dims)], { shape: dims, dtype: 'float32' });
  const gradients = reshaped(dy, [rows, channels, multiplier]);
  const sums = taps(graph, x, windowsOf(x.shape, shape.slice(0, -2), attrs, dy.shape.slice(1, -1))).map((tap) => {
    const product = graph.emit('Mul', [reshaped(tap, [rows, channels, 1]), gradients], gradients);
    const sum = { shape: [1, channels, multiplier], dtype: 'float32' } as const;
    return graph.emit('ReduceSum', [product, graph.int64([0])], sum, { attributes: { keepdims: { i: 1 } } });
  });
  const joined = { shape: [sums.length, channels, multiplier], dtype: 'float32' } as const;
  return reshaped(graph.emit('Concat', sums, joined, { attributes: { axis: { i: 0 } } }), shape);
};

export const convolutions: LoweringTable = {
  Conv2D: convolution,
  FusedConv2D: convolution,
  Conv2DBackpropInput: inputGradient,
  Conv2DBackpropFilter: filterGradient,
  Conv3D: convolution,
  Conv3DBackpropInputV2: inputGradient,
  Conv3DBackpropFilterV2: filterGradient,
  DepthwiseConv2dNative: depthwise,
  FusedDepthwiseConv2D: depthwise,
  DepthwiseConv2dNativeBackpropInput: depthwiseInputGradient,
  DepthwiseConv2dNativeBackpropFilter: depthwiseFilterGradient,
};
