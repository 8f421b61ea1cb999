/**
 * Complex tensors, which ONNX does not have: a traced one is a pair of traced tensors. Kernels that act on each part
 * alone take it, and Fourier transforms.
 */

import type { TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { TraceError } from '../backend.js';
import type { GraphRecorder } from '../recorder.js';
import { byOps } from './by-ops.js';
import type { KernelCall, Lowering, LoweringTable } from './lowering.js';

interface Parts {
  readonly real: TensorInfo;
  readonly imag: TensorInfo;
}

const partsOfTraced = new WeakMap<object, Parts>();

function complexOf({ real, imag }: Parts): TensorInfo {
  const dataId = {};
  partsOfTraced.set(dataId, { real, imag });
  return { dataId, shape: real.shape, dtype: 'complex64' };
}

/** The parts of a traced tensor, or of a complex or real constant. */
function partsOf(graph: GraphRecorder, x: TensorInfo): Parts {
  const traced = partsOfTraced.get(x.dataId);
  if (traced) return traced;
  if (x.dtype !== 'complex64') return { real: x, imag: graph.constant([0], { shape: [], dtype: 'float32' }) };
  const info = tf.engine().state.tensorInfo.get(x.dataId);
  if (!info) throw new TraceError('the traced function uses a complex tensor that has been disposed');
  const values = info.backend.readSync(x.dataId) as Float32Array;
  const { real, imag } = tf.backend_util.splitRealAndImagArrays(values);
  const constant = (part: Float32Array) => graph.constant(part, { shape: x.shape, dtype: 'float32' });
  return { real: constant(real), imag: constant(imag) };
}

/** Optional inputs that are left out are undefined. */
const isComplex = (tensor: TensorInfo | undefined) => tensor?.dtype === 'complex64';

/** Kernels that do to a complex tensor what they do to each of its parts. */
const partwise = new Set([
  'Identity',
  'Reshape',
  'ExpandDims',
  'Transpose',
  'Concat',
  'Slice',
  'SplitV',
  'Add',
  'Sub',
  'ZerosLike',
]);

/** Lets a lowering of a kernel take complex tensors, or refuse them by the kernel's name. */
export function withComplex(kernelName: string, lowering: Lowering): Lowering {
  if (ofComplex[kernelName] === lowering) return lowering;
  return (call) => {
    if (!Object.values(call.inputs).some(isComplex)) return lowering(call);
    if (kernelName === 'Multiply') return product(call);
    if (kernelName === 'Cast') return castOf(call, lowering);
    if (!partwise.has(kernelName))
      throw new TraceError(`cannot trace ${kernelName} of complex tensors; compute with tf.real and tf.imag`);
    const [real, imag] = (['real', 'imag'] as const).map((part) => {
      const inputs = Object.entries(call.inputs).map(([name, x]) => [name, partsOf(call.graph, x)[part]]);
      return [lowering({ ...call, inputs: Object.fromEntries(inputs) })].flat();
    }) as [TensorInfo[], TensorInfo[]];
    const results = real.map((part, k) => complexOf({ real: part, imag: imag[k]! }));
    return results.length === 1 ? results[0]! : results;
  };
}

function product({ inputs, graph }: KernelCall): TensorInfo {
  const [a, b] = [inputs.a!, inputs.b!].map((x) => asTensors(graph, partsOf(graph, x))) as [PartTensors, PartTensors];
  return complexOf({
    real: tf.sub(tf.mul(a.real, b.real), tf.mul(a.imag, b.imag)),
    imag: tf.add(tf.mul(a.real, b.imag), tf.mul(a.imag, b.real)),
  });
}

interface PartTensors {
  readonly real: tf.Tensor;
  readonly imag: tf.Tensor;
}

function asTensors(graph: GraphRecorder, { real, imag }: Parts): PartTensors {
  const tensor = (x: TensorInfo) => tf.engine().makeTensorFromTensorInfo(graph.alias(x));
  return { real: tensor(real), imag: tensor(imag) };
}

/** A cast to real numbers keeps the real part. */
function castOf(call: KernelCall, lowering: Lowering): TensorInfo | TensorInfo[] {
  const { real } = partsOf(call.graph, call.inputs.x!);
  if (call.attrs.dtype === 'complex64') return complexOf(partsOf(call.graph, call.inputs.x!));
  return lowering({ ...call, inputs: { x: real } });
}

/** The discrete Fourier transform along the last axis. */
function fourier({ inverse }: { readonly inverse: boolean }): Lowering {
  return ({ inputs: { input }, graph }) => {
    const { real, imag } = partsOf(graph, input!);
    const length = input!.shape.at(-1)!;
    const rows = tf.util.sizeFromShape(input!.shape) / length;
    const reshaped = (x: TensorInfo, shape: number[]) =>
      graph.emit('Reshape', [x, graph.int64(shape)], { shape, dtype: 'float32' });
    const pairs = { shape: [rows, length, 2], dtype: 'float32' } as const;
    const columns = [real, imag].map((part) => reshaped(part, [rows, length, 1]));
    const signal = graph.emit('Concat', columns, pairs, { attributes: { axis: { i: 2 } } });
    const spectrum = graph.emit('DFT', [signal], pairs, {
      attributes: { axis: { i: 1 }, inverse: { i: Number(inverse) } },
    });
    const part = { shape: [rows, length, 1], dtype: 'float32' } as const;
    const found = graph.emitMany('Split', [spectrum, graph.int64([1, 1])], [part, part], {
      attributes: { axis: { i: 2 } },
    });
    const [realPart, imagPart] = found.map((x) => reshaped(x, input!.shape));
    return complexOf({ real: realPart!, imag: imagPart! });
  };
}

const partOf =
  (part: keyof Parts): Lowering =>
  ({ inputs: { input }, graph }) =>
    graph.alias(partsOf(graph, input!)[part]);

/** √(real² + imag²), of the parts divided by the larger one so that no square overflows. */
const complexAbs: Lowering = (call) => {
  const { real, imag } = partsOf(call.graph, call.inputs.x!);
  return byOps(({ real, imag }) => {
    const larger = tf.maximum(tf.abs(real!), tf.abs(imag!));
    const isPlain = tf.logicalAnd(tf.greater(larger, 0), tf.isFinite(larger));
    const scale = tf.where(isPlain, larger, tf.onesLike(larger));
    return tf.mul(scale, tf.sqrt(tf.add(tf.square(tf.div(real!, scale)), tf.square(tf.div(imag!, scale)))));
  })({ ...call, inputs: { ...asTensors(call.graph, { real, imag }) } });
};

const ofComplex: LoweringTable = {
  Complex: ({ inputs: { real, imag } }) => complexOf({ real: real!, imag: imag! }),
  Real: partOf('real'),
  Imag: partOf('imag'),
  ComplexAbs: complexAbs,
  FFT: fourier({ inverse: false }),
  IFFT: fourier({ inverse: true }),
};

export { ofComplex as complex };
