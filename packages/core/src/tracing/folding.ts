/**
 * Computes kernels of small constants while tracing, if sizes are left open. There, the arithmetic of shapes, such as
 * `Shape → StridedSlice → Pack → Reshape`, has to end in numbers, which differ from trace to trace.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { TraceBackend } from './backend.js';

/** No shape has more dimensions. Larger constants, such as weights and those that grow with a size, stay in the graph. */
const mostElements = 8;

/** Kernels that only take their input apart; they are computed for constants of any size, such as the two biases of a GRU. */
const unstacking = new Set(['Unpack']);

/** The constants that a kernel returns; undefined if it is to be recorded. */
export function foldedKernel(
  { open, host, recorder }: TraceBackend,
  kernelName: string,
  inputs: Readonly<Record<string, tf.TensorInfo>>,
  attrs: tf.NamedAttrMap | undefined,
): tf.TensorInfo | tf.TensorInfo[] | undefined {
  // Optional inputs, such as a bias, may be undefined.
  const given = Object.entries(inputs).filter(([, input]) => input);
  if (
    !open ||
    !host ||
    given.length === 0 ||
    (!unstacking.has(kernelName) && given.some(([, { shape }]) => tf.util.sizeFromShape(shape) > mostElements))
  ) {
    return undefined;
  }
  const values = given.map(([, { dataId }]) => recorder.valuesOf(dataId));
  const kernel = tf.getKernel(kernelName, hostName(host));
  if (!kernel || values.includes(undefined)) return undefined;
  const onHost = given.map(([name, { shape, dtype }], k): [string, tf.TensorInfo] => [
    name,
    { dataId: host.write(values[k]!.slice(), shape, dtype), shape, dtype },
  ]);
  // Kernels of any number of inputs, such as Pack, have them in an array.
  const hostInputs = Array.isArray(inputs) ? onHost.map(([, info]) => info) : Object.fromEntries(onHost);
  const result = kernel.kernelFunc({ inputs: hostInputs as tf.NamedTensorInfoMap, attrs: attrs ?? {}, backend: host });
  const results = [result].flat();
  const constants = results.map(({ dataId, shape, dtype }) =>
    recorder.constant(host.readSync(dataId) as unknown as ArrayLike<number>, { shape, dtype }),
  );
  for (const { dataId } of [...onHost.map(([, info]) => info), ...results]) host.disposeData(dataId);
  return Array.isArray(result) ? constants : constants[0];
}

function hostName(host: tf.KernelBackend): string {
  const names = Object.keys(tf.engine().registry);
  return names.find((name) => tf.findBackend(name) === host)!;
}
