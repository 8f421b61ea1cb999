/**
 * Compares a function of TensorFlow.js, eager on the cpu backend, with the same function traced and run by ONNX
 * Runtime: shapes, element types, values, and gradients with respect to its inputs.
 */
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { InferenceSession } from 'onnxruntime-node';
import { encodeOnnx } from '../../onnx/file.js';
import type { NamedTensors } from '../../tensors/named-tensors.js';
import { TraceError } from '../../tracing/backend.js';
import { trace } from '../../tracing/trace.js';
import { toTensor, type Values } from '../onnx-runtime.js';

export interface FuzzCase {
  /** The settings that were drawn, for the report. */
  readonly settings: unknown;
  readonly inputs: Readonly<Record<string, Values>>;
  readonly fn: (inputs: NamedTensors) => tf.Tensor | tf.Tensor[];
  /** Inputs to differentiate with respect to; default none. */
  readonly gradients?: readonly string[];
  /** Values of neighbouring elements are added, so that an error counts relative to the largest one. */
  readonly sums?: boolean;
  /** An error of the cpu backend's own values. */
  readonly error?: number;
}

export type Verdict =
  | { readonly kind: 'equal' }
  /** TensorFlow.js itself refuses the case. */
  | { readonly kind: 'invalid'; readonly detail: string }
  /** The tracer refuses it, by a TraceError. */
  | { readonly kind: 'refused'; readonly detail: string }
  | { readonly kind: 'different' | 'crash'; readonly detail: string };

/** Computes the outputs of a case and the gradients of their sum, each element with a weight of its own. */
function results({ fn, gradients = [] }: FuzzCase, inputs: NamedTensors): NamedTensors {
  if (gradients.length === 0) return outputsOf(fn(inputs));
  let outputs: NamedTensors = {};
  const loss = (...xs: tf.Tensor[]) => {
    outputs = outputsOf(fn({ ...inputs, ...Object.fromEntries(gradients.map((name, k) => [name, xs[k]!])) }));
    for (const output of Object.values(outputs)) tf.keep(output);
    const floats = Object.values(outputs).map((output) => tf.cast(output, 'float32'));
    return floats.map((y) => tf.sum(tf.mul(y, weights(y.shape)))).reduce((a, b) => tf.add(a, b)) as tf.Scalar;
  };
  const found = tf.grads(loss)(gradients.map((name) => inputs[name]!));
  return { ...outputs, ...Object.fromEntries(found.map((gradient, k) => [`gradient.${gradients[k]}`, gradient])) };
}

function outputsOf(result: tf.Tensor | tf.Tensor[]): NamedTensors {
  return Object.fromEntries([result].flat().map((tensor, k) => [`output.${k}`, tensor]));
}

function weights(shape: number[]): tf.Tensor {
  const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, (_, k) => Math.cos(k + 1));
  return tf.tensor(values, shape);
}

interface Result {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: ArrayLike<number>;
}

function eager(fuzzCase: FuzzCase): Record<string, Result> {
  return tf.tidy(() => {
    const inputs = Object.entries(fuzzCase.inputs).map(([name, { values, shape, dtype }]) => [
      name,
      tf.tensor([...values], [...shape], dtype),
    ]);
    const tensors = results(fuzzCase, Object.fromEntries(inputs));
    const read = Object.entries(tensors).map(([name, tensor]) => {
      const values = tensor.dataSync().slice();
      return [name, { shape: tensor.shape, dtype: tensor.dtype, values }] as const;
    });
    tf.dispose(tensors);
    return Object.fromEntries(read);
  });
}

async function native(fuzzCase: FuzzCase, graph: ReturnType<typeof trace>): Promise<Record<string, Result>> {
  const session = await InferenceSession.create(encodeOnnx(graph), { logSeverityLevel: 4, intraOpNumThreads: 1 });
  try {
    const feeds = Object.fromEntries(session.inputNames.map((name) => [name, toTensor(fuzzCase.inputs[name]!)]));
    const found = await session.run(feeds);
    return Object.fromEntries(
      Object.entries(found).map(([name, { dims, type, data }]) => [
        name,
        { shape: dims, dtype: type, values: Array.from(data as never, Number) },
      ]),
    );
  } finally {
    await session.release();
  }
}

/** Runs a case both ways. The cpu backend must be active. */
export async function compare(fuzzCase: FuzzCase): Promise<Verdict> {
  let expected: Record<string, Result>;
  try {
    expected = eager(fuzzCase);
  } catch (error) {
    return { kind: 'invalid', detail: (error as Error).message };
  }
  const specs = Object.entries(fuzzCase.inputs).map(([name, { shape, dtype = 'float32' }]) => [name, { shape, dtype }]);
  let graph: ReturnType<typeof trace>;
  try {
    graph = trace((inputs) => results(fuzzCase, inputs), Object.fromEntries(specs));
  } catch (error) {
    const detail = (error as Error).message;
    return { kind: error instanceof TraceError ? 'refused' : 'crash', detail };
  }
  const declared = new Map(graph.outputs.map((output) => [output.name, output]));
  try {
    const found = await native(fuzzCase, graph);
    const differences = Object.entries(expected).flatMap(([name, result]) => {
      const { shape, dtype } = declared.get(name)!;
      const wrong = [`${dtype} [${shape}]`, `${found[name]!.dtype} [${found[name]!.shape}]`].filter(
        (type) => type !== `${result.dtype} [${result.shape}]`,
      );
      if (wrong.length > 0) return [`${name} is ${wrong.join(', ')} instead of ${result.dtype} [${result.shape}]`];
      // Booleans of the cpu backend may be any number.
      const read = result.dtype === 'bool' ? Array.from(result.values, (value) => Number(value !== 0)) : result.values;
      return differencesOf(name, found[name]!.values, read, fuzzCase);
    });
    return differences.length === 0 ? { kind: 'equal' } : { kind: 'different', detail: differences.join('; ') };
  } catch (error) {
    return { kind: 'crash', detail: (error as Error).message };
  }
}

const smallestNormal = 2 ** -126;

function differencesOf(
  name: string,
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
  { sums = false, error = 0 }: FuzzCase,
): string[] {
  const finite = Array.from(expected).filter(Number.isFinite).map(Math.abs);
  const absolute = error + smallestNormal + (sums ? 1e-5 * Math.max(1, ...finite) : 0);
  const wrong = Array.from(expected).flatMap((value, k) => {
    const isClose = Math.abs(found[k]! - value) <= 2e-4 * Math.abs(value) + absolute;
    return isClose || Object.is(found[k]! + 0, value + 0) ? [] : [`${name}[${k}] is ${found[k]} instead of ${value}`];
  });
  return wrong.slice(0, 2);
}
