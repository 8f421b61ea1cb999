/**
 * Computes the windows of a convolution or a pooling, for any number of spatial axes, and converts between layouts:
 * TensorFlow.js has channels last, ONNX first. ONNX Runtime merges the transpositions of neighbouring layers.
 */
import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import { TraceError } from '../backend.js';
import type { EmitOptions, GraphRecorder } from '../recorder.js';
import type { KernelCall } from './lowering.js';

/** Sizes and steps, one number for each spatial axis. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Elements of padding before the input's first element and after its last. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Number of elements of the input, and number of windows. */
  readonly input: readonly number[];
  readonly output: readonly number[];
  /** Number of input elements after the last window, which no window covers. */
  readonly uncovered: readonly number[];
}

type Attributes = KernelCall['attrs'];

/**
 * Computes the windows of a kernel call with the attributes `strides`, `pad`, `dilations`, `dimRoundingMode` and
 * `dataFormat`.
 * @param input the input's shape [batch, …, channels]
 * @param kernel sizes of the filter or pool along the spatial axes
 * @param output the number of windows along each axis, in gradients: TensorFlow.js does not tell them `dimRoundingMode`
 */
export function windowsOf(
  input: readonly number[],
  kernel: readonly number[],
  attrs: Attributes,
  output?: readonly number[],
): Windows {
  const modes = output ? ([attrs.dimRoundingMode, 'floor', 'round', 'ceil'] as const) : [attrs.dimRoundingMode];
  const rounded = modes.map((dimRoundingMode) =>
    windowsBy(input, kernel, { ...attrs, dimRoundingMode: dimRoundingMode ?? 'floor' }),
  );
  const found = rounded.find((windows) => !output || util.arraysEqual([...windows.output], [...output]));
  if (!found) throw new TraceError(`no rounding of the number of windows gives the shape [${output}] of the gradients`);
  return found;
}

function windowsBy(input: readonly number[], kernel: readonly number[], attrs: Attributes): Windows {
  const { dataFormat } = attrs;
  if (dataFormat !== undefined && dataFormat !== 'NHWC' && dataFormat !== 'NDHWC') {
    throw new TraceError(`cannot trace dataFormat '${dataFormat}'; keep the channels last`);
  }
  if (typeof attrs.pad === 'number' && !isUniform(kernel, attrs)) {
    // For such kernels TensorFlow.js computes the size of every axis from the kernel and the stride of the first.
    throw new TraceError(
      'cannot trace a number as padding of an oblong or dilated kernel; give "same", "valid" or pairs',
    );
  }
  const axes = kernel.map((size, axis) => {
    const stride = alongAxis(attrs.strides, axis);
    const dilation = alongAxis(attrs.dilations ?? 1, axis);
    return axisWindows({ size, stride, dilation, input: input[axis + 1]! }, attrs, axis);
  });
  const each = (key: keyof AxisWindows) => axes.map((axis) => axis[key]);
  return {
    kernel,
    strides: each('stride'),
    dilations: each('dilation'),
    before: each('before'),
    after: each('after'),
    input: each('input'),
    output: each('output'),
    uncovered: each('uncovered'),
  };
}

/** Whether the windows are the same along all axes. */
function isUniform(kernel: readonly number[], { strides, dilations }: Attributes): boolean {
  const sameAlongAxes = (values: unknown) => !Array.isArray(values) || new Set(values).size === 1;
  const dilated = [dilations ?? 1].flat().some((dilation) => dilation !== 1);
  return sameAlongAxes(kernel) && sameAlongAxes(strides) && !dilated;
}

interface Axis {
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
  readonly input: number;
}

type AxisWindows = ReturnType<typeof axisWindows>;

/**
 * TensorFlow's paddings: `same` gives ceil(input / stride) windows, `valid` means no padding, a number or pairs are
 * explicit.
 */
function axisWindows({ size, stride, dilation, input }: Axis, { pad, dimRoundingMode }: Attributes, axis: number) {
  const reach = (size - 1) * dilation + 1;
  const span = (windows: number) => (windows - 1) * stride + reach;
  let before = 0;
  let output: number;
  if (pad === 'same') {
    output = Math.ceil(input / stride);
    before = Math.floor(Math.max(0, span(output) - input) / 2);
  } else {
    const [first, last] = pad === 'valid' ? [0, 0] : explicitPadding(pad, axis);
    before = first;
    output = rounding(pad === 'valid' ? undefined : dimRoundingMode)((first + input + last - reach) / stride) + 1;
  }
  const after = Math.max(0, span(output) - before - input);
  return { stride, dilation, input, before, output, after, uncovered: before + input + after - span(output) };
}

function explicitPadding(pad: unknown, axis: number): readonly [number, number] {
  return Array.isArray(pad) ? (pad[axis + 1] as [number, number]) : [pad as number, pad as number];
}

function rounding(mode: unknown): (value: number) => number {
  return mode === 'ceil' ? Math.ceil : mode === 'round' ? Math.round : Math.floor;
}

function alongAxis(value: unknown, axis: number): number {
  return Array.isArray(value) ? (value[axis] as number) : (value as number);
}

/** The attributes that ONNX's convolutions and poolings share. */
export function windowAttributes({ kernel, strides, before, after }: Windows): NonNullable<EmitOptions['attributes']> {
  return { kernel_shape: { ints: kernel }, strides: { ints: strides }, pads: { ints: [...before, ...after] } };
}

export function transposed(graph: GraphRecorder, x: TensorInfo, perm: readonly number[]): TensorInfo {
  const shape = perm.map((axis) => x.shape[axis]!);
  return graph.emit('Transpose', [x], { shape, dtype: x.dtype }, { attributes: { perm: { ints: perm } } });
}

/** [batch, …, channels] → [batch, channels, …] */
export function toChannelsFirst(graph: GraphRecorder, x: TensorInfo): TensorInfo {
  const axes = [...x.shape.keys()];
  return transposed(graph, x, [0, axes.length - 1, ...axes.slice(1, -1)]);
}

/** [batch, channels, …] → [batch, …, channels] */
export function toChannelsLast(graph: GraphRecorder, x: TensorInfo): TensorInfo {
  const axes = [...x.shape.keys()];
  return transposed(graph, x, [0, ...axes.slice(2), 1]);
}
