/** Pooling over two or three axes, and its gradients. */
import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import { TraceError } from '../backend.js';
import type { GraphRecorder } from '../recorder.js';
import { positionsAsInt32 } from './casting.js';
import { keepingType } from './elementwise.js';
import type { KernelCall, Lowering, LoweringTable } from './lowering.js';
import { withoutNaN } from './not-a-number.js';
import { toChannelsFirst, toChannelsLast, type Windows, windowAttributes, windowsOf } from './windows.js';

/** @param spatialAxes number of spatial axes; the pool's size may be one number for all of them */
function poolWindows(
  input: readonly number[],
  attrs: KernelCall['attrs'],
  spatialAxes: number,
  output?: readonly number[],
): Windows {
  const size = attrs.filterSize as number | number[];
  const windows = windowsOf(input, Array.isArray(size) ? size : Array(spatialAxes).fill(size), attrs, output);
  if (windows.kernel.some((width, axis) => Math.max(windows.before[axis]!, windows.after[axis]!) >= width)) {
    throw new TraceError('cannot trace a pooling with windows that lie in the padding alone; give less padding');
  }
  return windows;
}

function pool(opType: 'MaxPool' | 'AveragePool'): Lowering {
  return ({ inputs: { x }, attrs, graph }) => {
    const windows = poolWindows(x!.shape, attrs, x!.shape.length - 2);
    const shape = [x!.shape[0]!, x!.shape.at(-1)!, ...windows.output];
    const attributes = windowAttributes(windows);
    // The cpu backend passes over NaN. In ONNX Runtime, NaN can hide the values before it.
    const image = toChannelsFirst(graph, opType === 'MaxPool' ? withoutNaN(graph, x!) : x!);
    const pooled = graph.emit(opType, [image], { shape, dtype: 'float32' }, { attributes });
    return toChannelsLast(graph, pooled);
  };
}

/** Adds each output's gradient at the place of its maximum; of equal ones at the first, as in TensorFlow.js. */
const maxPoolGradient: Lowering = ({ inputs, attrs, graph }) => {
  const { dy, input } = inputs as { dy: TensorInfo; input: TensorInfo };
  const windows = poolWindows(input.shape, attrs, input.shape.length - 2, dy.shape.slice(1, -1));
  const x = toChannelsFirst(graph, withoutNaN(graph, input));
  const dOutput = toChannelsFirst(graph, dy);
  const [, indices] = graph.emitMany('MaxPool', [x], [dOutput, dOutput], { attributes: windowAttributes(windows) });
  // The indices run through the whole input, including batch and channels.
  const flat = (tensor: TensorInfo) =>
    graph.emit('Reshape', [tensor, graph.int64([-1])], { ...tensor, shape: [util.sizeFromShape(tensor.shape)] });
  const zeros = graph.emit('ConstantOfShape', [graph.int64([util.sizeFromShape(x.shape)])], {
    shape: [util.sizeFromShape(x.shape)],
    dtype: 'float32',
  });
  const attributes = { axis: { i: 0 }, reduction: { s: 'add' } };
  const sums = graph.emit('ScatterElements', [zeros, flat(indices!), flat(dOutput)], zeros, { attributes });
  return toChannelsLast(graph, graph.emit('Reshape', [sums, graph.int64(x.shape)], x));
};

/**
 * Spreads each output's gradient evenly over its window. Like TensorFlow.js's backends, it divides by the window's size
 * even if the window reaches into the padding. The forward kernel divides by the number of elements inside the input.
 */
const averagePoolGradient: Lowering = ({ inputs, attrs, graph }) => {
  const { dy, input } = inputs as { dy: TensorInfo; input: TensorInfo };
  const windows = poolWindows(input.shape, attrs, input.shape.length - 2, dy.shape.slice(1, -1));
  const channels = input.shape.at(-1)!;
  const attributes = {
    ...windowAttributes(windows),
    group: { i: channels },
    output_padding: { ints: windows.uncovered },
  };
  const shape = [input.shape[0]!, channels, ...windows.input];
  const operands = [toChannelsFirst(graph, dy), evenFilter(graph, channels, windows.kernel)];
  return toChannelsLast(graph, graph.emit('ConvTranspose', operands, { shape, dtype: 'float32' }, { attributes }));
};

function evenFilter(graph: GraphRecorder, channels: number, kernel: readonly number[]): TensorInfo {
  const size = util.sizeFromShape([...kernel]);
  const values = new Float32Array(channels * size).fill(1 / size);
  return graph.constant(values, { shape: [channels, 1, ...kernel], dtype: 'float32' });
}

/** Gives positions as TensorFlow does: [(batch·)height, width, channels] flattened. ONNX flattens [batch, channels, …]. */
const maxPoolWithArgmax: Lowering = (call) => {
  const { attrs, graph } = call;
  const x = call.inputs.x!;
  const windows = poolWindows(x.shape, attrs, 2);
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const pooled = { shape: [batch, channels, ...windows.output], dtype: 'float32' } as const;
  const image = toChannelsFirst(graph, withoutNaN(graph, x));
  const [values, indices] = graph.emitMany('MaxPool', [image], [pooled, { ...pooled, dtype: 'int32' }], {
    attributes: windowAttributes(windows),
  });
  const flat = positionsAsInt32(graph, indices!);
  const size = height * width;
  const planes = Int32Array.from({ length: batch * channels }, (_, k) => k);
  const firstOf = (offset: (plane: number) => number) =>
    graph.constant(planes.map(offset), { shape: [batch, channels, 1, 1], dtype: 'int32' });
  const place = graph.emit('Sub', [flat, firstOf((plane) => plane * size)], flat);
  const scaled = graph.emit('Mul', [place, graph.scalar(channels, 'int32')], flat);
  const first = (plane: number) =>
    (plane % channels) + (attrs.includeBatchInIndex ? Math.floor(plane / channels) * size * channels : 0);
  const positions = graph.emit('Add', [scaled, firstOf(first)], flat);
  return [toChannelsLast(graph, values!), toChannelsLast(graph, positions)];
};

export const poolings: LoweringTable = {
  MaxPoolWithArgmax: maxPoolWithArgmax,
  MaxPool: keepingType(pool('MaxPool')),
  MaxPoolGrad: maxPoolGradient,
  AvgPool: keepingType(pool('AveragePool')),
  AvgPoolGrad: averagePoolGradient,
  MaxPool3D: keepingType(pool('MaxPool')),
  MaxPool3DGrad: maxPoolGradient,
  AvgPool3D: keepingType(pool('AveragePool')),
  AvgPool3DGrad: averagePoolGradient,
};
