/**
 * Turns TensorFlow.js code into an ONNX graph by running it once on a backend that records. TensorFlow.js computes
 * gradients by calling kernels too. So tracing a function that returns gradients gives the whole training step.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { OnnxGraph, OnnxNode, OnnxValue } from '../onnx/graph.js';
import { bodies, prune } from '../onnx/graph.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { TraceBackend, TraceError, traceBackendName } from './backend.js';
import { registerLowerings } from './lowering/register.js';
import { type GraphRecorder, onnxType } from './recorder.js';
import { simplify } from './simplify.js';

/** Shape and dtype of a graph input. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
}

/** A graph with the shapes and element types of the values that its nodes compute, by name. */
export interface TracedGraph extends OnnxGraph {
  readonly values: ReadonlyMap<string, OnnxValue>;
}

/**
 * Records `fn` as an ONNX graph. Inputs and outputs are named by the records' keys; everything else that `fn` uses
 * (constants, other tensors) becomes part of the graph.
 *
 * @param inputs for each graph input its shape and dtype, or an existing tensor, such as a `tf.Variable` that `fn`
 * closes over. It then becomes an input instead of a constant. The caller's tensors are neither changed nor moved.
 * @throws TraceError if `fn` reads a traced value, draws random numbers without a seed, or calls a kernel that has no
 * ONNX counterpart here
 * @example
 * const graph = trace(({ x }) => ({ y: tf.mul(x, 2) }), { x: { shape: [3], dtype: 'float32' } });
 */
export function trace(
  fn: (inputs: NamedTensors) => NamedTensors,
  inputs: Readonly<Record<string, TensorSpec | tf.Tensor>>,
): TracedGraph {
  return traceOn(new TraceBackend(), fn, inputs);
}

/** Records `fn` as {@link trace} does, on a backend that may leave sizes open. */
export function traceOn(
  backend: TraceBackend,
  fn: (inputs: NamedTensors) => NamedTensors,
  inputs: Readonly<Record<string, TensorSpec | tf.Tensor>>,
): TracedGraph {
  registerLowerings();
  const { recorder } = backend;
  const outputs: { value: OnnxValue; node: OnnxNode }[] = [];
  onBackend(backend, () => {
    tf.tidy(() => {
      const results = fn(bindInputs(inputs, backend));
      for (const [name, tensor] of Object.entries(results)) outputs.push(outputNode(recorder, name, tensor));
    });
  });
  const graph = prune({
    inputs: recorder.inputs,
    outputs: outputs.map(({ value }) => value),
    initializers: recorder.initializers,
    nodes: [...recorder.nodes, ...outputs.map(({ node }) => node)],
  });
  const simple = simplify(graph, (name) => recorder.shapeOf(name));
  return { ...simple, values: valuesOf(simple, recorder) };
}

function valuesOf({ nodes, outputs }: OnnxGraph, recorder: GraphRecorder): Map<string, OnnxValue> {
  const scalar = { shape: [], dtype: 'float32' } as const;
  const valuesOfNode = (node: OnnxNode): OnnxValue[] => [
    // Values that were not recorded come from simplification: products of scalars.
    ...node.outputs.map((name) => ({ name, ...(recorder.typeOf(name) ?? scalar) })),
    ...bodies(node).flatMap((body) => [...body.inputs, ...body.nodes.flatMap(valuesOfNode)]),
  ];
  const values = nodes.flatMap(valuesOfNode);
  return new Map([...values, ...outputs].map((value) => [value.name, value]));
}

function bindInputs(inputs: Readonly<Record<string, TensorSpec | tf.Tensor>>, backend: TraceBackend): NamedTensors {
  const bound: NamedTensors = {};
  for (const [name, input] of Object.entries(inputs)) {
    requireSizes(name, input.shape);
    if (input instanceof tf.Tensor) {
      backend.recorder.bindInput(input.dataId, name, input);
      bound[name] = input;
    } else {
      const info = backend.recorder.input(name, input);
      bound[name] = tf.engine().makeTensorFromTensorInfo(info, backend);
    }
  }
  return bound;
}

/** @throws TraceError if a dimension is not a size, such as the null or −1 of a batch of any size */
function requireSizes(name: string, shape: readonly (number | null)[]): void {
  if (shape.every((size) => Number.isInteger(size) && size! >= 0)) return;
  throw new TraceError(
    `input '${name}' has the shape [${shape.join(', ')}], whose dimensions are not all sizes; give each as a whole number, and trace once for each size`,
  );
}

/** Names an output by a node of its own, because a value may be several outputs, or an input or a constant. */
function outputNode(recorder: GraphRecorder, name: string, tensor: tf.Tensor): { value: OnnxValue; node: OnnxNode } {
  if (!recorder.reserve(name, tensor)) {
    throw new TraceError(`output '${name}' has the name of an input or of another value of the graph; rename it`);
  }
  return {
    value: { name, shape: tensor.shape, dtype: onnxType(tensor.dtype) },
    node: { opType: 'Identity', inputs: [recorder.name(tensor)], outputs: [name] },
  };
}

function onBackend(backend: TraceBackend, run: () => void): void {
  const previous = tf.engine().backendName as string | null;
  if (previous === traceBackendName) throw new TraceError('trace() was called by a function that is being traced');
  tf.registerBackend(traceBackendName, () => backend);
  // Both backends exist already, so TensorFlow.js switches before its promise resolves.
  void tf.setBackend(traceBackendName);
  const { random } = Math;
  Math.random = refuseRandomness;
  try {
    run();
  } catch (error) {
    throw explained(error);
  } finally {
    Math.random = random;
    if (previous) void tf.setBackend(previous);
    tf.removeBackend(traceBackendName);
  }
}

/**
 * Replaces Math.random: TensorFlow.js draws random tensors in JavaScript, so they would be the same in every run of the
 * graph.
 */
function refuseRandomness(): never {
  throw new TraceError(
    'the traced function draws random numbers, which would be constants of the graph; give them as an input',
  );
}

function explained(error: unknown): unknown {
  const kernel = error instanceof Error && /Kernel '(\w+)' not registered/.exec(error.message)?.[1];
  if (!kernel) return error;
  return new TraceError(`the TensorFlow.js kernel '${kernel}' has no ONNX counterpart here and cannot be traced`, {
    cause: error,
  });
}
