/**
 * For tests: every backend that can run here. Each computes the outputs of a function and the gradients of the sum of
 * its outputs weighted by `weights`: eagerly on a TensorFlow.js backend, or traced and run by ONNX Runtime.
 */
import '@tensorflow/tfjs-backend-cpu';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import * as wasm from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { trace } from '../tracing/trace.js';
import { runGraph, type Values } from './onnx-runtime.js';

export interface Differentiable {
  readonly fn: (inputs: NamedTensors) => tf.Tensor[];
  readonly inputs: Readonly<Record<string, Values>>;
  /** The inputs to differentiate with respect to; empty for a function without gradients. */
  readonly parameters: readonly string[];
  /** One weight for each element of each output. */
  readonly weights: readonly (readonly number[])[];
}

export interface Evaluated {
  readonly outputs: number[][];
  readonly gradients: Record<string, number[]>;
}

type Evaluate = (task: Differentiable) => Promise<Evaluated>;

const require = createRequire(import.meta.url);
wasm.setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);

export const backends: Readonly<Record<string, Evaluate>> = {
  'TensorFlow.js cpu': (task) => onTensorFlow('cpu', task),
  'TensorFlow.js wasm': (task) => onTensorFlow('wasm', task),
  'ONNX Runtime, traced': onOnnxRuntime,
};

/** Computes the outputs and gradients as named tensors, on the active backend. */
function outputsAndGradients({ fn, parameters, weights }: Differentiable, inputs: NamedTensors): NamedTensors {
  const results: NamedTensors = {};
  const loss = (...values: tf.Tensor[]) => {
    const outputs = fn({ ...inputs, ...Object.fromEntries(parameters.map((name, k) => [name, values[k]!])) });
    outputs.forEach((output, k) => {
      results[`output.${k}`] = tf.keep(tf.clone(output));
    });
    const weighted = outputs.map((output, k) => tf.sum(tf.mul(output, tf.tensor([...weights[k]!], output.shape))));
    return weighted.reduce((sum, term) => tf.add(sum, term)) as tf.Scalar;
  };
  if (parameters.length === 0) {
    loss();
    return results;
  }
  const gradients = tf.grads(loss)(parameters.map((name) => inputs[name]!));
  parameters.forEach((name, k) => {
    results[`gradient.${name}`] = gradients[k]!;
  });
  return results;
}

function evaluated(task: Differentiable, values: (name: string) => ArrayLike<number>): Evaluated {
  return {
    outputs: task.weights.map((_, k) => Array.from(values(`output.${k}`))),
    gradients: Object.fromEntries(task.parameters.map((name) => [name, Array.from(values(`gradient.${name}`))])),
  };
}

async function onTensorFlow(backend: string, task: Differentiable): Promise<Evaluated> {
  await tf.setBackend(backend);
  const inputs = Object.fromEntries(
    Object.entries(task.inputs).map(([name, { values, shape, dtype }]) => [
      name,
      tf.tensor([...values], [...shape], dtype ?? 'float32'),
    ]),
  );
  const results = outputsAndGradients(task, inputs);
  const data = new Map(Object.entries(results).map(([name, tensor]) => [name, tensor.dataSync()]));
  tf.dispose([inputs, results]);
  return evaluated(task, (name) => data.get(name)!);
}

async function onOnnxRuntime(task: Differentiable): Promise<Evaluated> {
  const specs = Object.entries(task.inputs).map(([name, { shape, dtype }]) => [
    name,
    { shape, dtype: dtype ?? 'float32' },
  ]);
  const graph = trace((inputs) => outputsAndGradients(task, inputs), Object.fromEntries(specs));
  const results = await runGraph(graph, task.inputs);
  return evaluated(task, (name) => results[name]!);
}
