/** Pooling over two or three axes, and its gradients. */
import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { GraphRecorder } from '../recorder.js';
import type { KernelCall, Lowering, LoweringTable } from './lowering.js';
import { withoutNaN } from './not-a-number.js';
import { toChannelsFirst, toChannelsLast, type Windows, windowAttributes, windowsOf } from './windows.js';

/** @param spatialAxes number of spatial axes; the pool's size may be one number for all of them */
function poolWindows(input: readonly number[], attrs: KernelCall['attrs'], spatialAxes: number): Windows {
  const size = attrs.filterSize as number | number[];
  return windowsOf(input, Array.isArray(size) ? size : Array(spatialAxes).fill(size), attrs);
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
  const windows = poolWindows(input.shape, attrs, input.shape.length - 2);
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
  const windows = poolWindows(input.shape, attrs, input.shape.length - 2);
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

export const poolings: LoweringTable = {
  MaxPool: pool('MaxPool'),
  MaxPoolGrad: maxPoolGradient,
  AvgPool: pool('AveragePool'),
  AvgPoolGrad: averagePoolGradient,
  MaxPool3D: pool('MaxPool'),
  MaxPool3DGrad: maxPoolGradient,
  AvgPool3D: pool('AveragePool'),
  AvgPool3DGrad: averagePoolGradient,
};
