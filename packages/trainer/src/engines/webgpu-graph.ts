/** Rewrites a traced graph into operators that every WebGPU device can run. */
import type { OnnxGraph } from '@unroll/core';
import {
  bytesOf,
  int64Tensor,
  int64Values,
  type OnnxDataType,
  type OnnxNode,
  type OnnxTensor,
} from '@unroll/core/onnx';
import { valueTypes } from './value-types.js';

/**
 * The most outputs of a Split. WebGPU guarantees a kernel 8 buffers (maxStorageBuffersPerShaderStage), and the input
 * takes one.
 */
const mostOutputs = 7;

/** The replacement of a node. */
interface Rewritten {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
}

/** Rewrites operators that ONNX Runtime's WebGPU provider lacks, or that need more buffers than a device may have. */
export function forWebGpu(graph: OnnxGraph): OnnxGraph {
  const constants = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const types = valueTypes(graph);
  const parts = graph.nodes.map((node) => rewritten(node, constants, types));
  return {
    ...graph,
    initializers: [...graph.initializers, ...parts.flatMap(({ initializers }) => initializers)],
    nodes: parts.flatMap(({ nodes }) => nodes),
  };
}

function rewritten(
  node: OnnxNode,
  constants: ReadonlyMap<string, OnnxTensor>,
  types: ReadonlyMap<string, OnnxDataType>,
): Rewritten {
  const numbers = (input: number) => int64Values(constants.get(node.inputs[input]!)!);
  switch (node.opType) {
    case 'Split':
      return node.outputs.length > mostOutputs ? splitTree(node, numbers(1)) : unchanged(node);
    case 'Slice':
      return types.get(node.inputs[0]!) === 'int32' ? gathers(node, numbers) : unchanged(node);
    case 'LogSoftmax':
      return logSoftmax(node);
    case 'IsNaN':
      return isNaNByEqual(node);
    case 'Sign':
      return types.get(node.inputs[0]!) === 'float32' ? signByComparisons(node) : unchanged(node);
    default:
      return unchanged(node);
  }
}

function unchanged(node: OnnxNode): Rewritten {
  return { nodes: [node], initializers: [] };
}

/** Rewrites a Split with many outputs as a tree of Splits with few. */
function splitTree(split: OnnxNode, sizes: readonly number[]): Rewritten {
  const { inputs, outputs } = split;
  const parts = chunks(outputs, Math.ceil(outputs.length / Math.min(outputs.length, mostOutputs)));
  const partSizes = chunks(sizes, parts[0]!.length);
  const names = parts.map((part) => (part.length === 1 ? part[0]! : `${part[0]}.part${part.length}`));
  const sizesName = `${names[0]}.sizes`;
  const totals = partSizes.map((part) => part.reduce((sum, size) => sum + size, 0));
  const root = { ...split, inputs: [inputs[0]!, sizesName], outputs: names };
  const below = parts.flatMap((part, k) =>
    part.length === 1 ? [] : [splitTree({ ...split, inputs: [names[k]!], outputs: part }, partSizes[k]!)],
  );
  return {
    nodes: [root, ...below.flatMap(({ nodes }) => nodes)],
    initializers: [int64Tensor(sizesName, totals), ...below.flatMap(({ initializers }) => initializers)],
  };
}

function chunks<Value>(values: readonly Value[], size: number): Value[][] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, k) => values.slice(k * size, (k + 1) * size));
}

/** Rewrites a Slice of integers, which the provider lacks, as one Gather per axis. */
function gathers({ inputs, outputs }: OnnxNode, numbers: (input: number) => number[]): Rewritten {
  const [begins, ends, axes] = [numbers(1), numbers(2), numbers(3)];
  const steps = inputs.length > 4 ? numbers(4) : axes.map(() => 1);
  const result = outputs[0]!;
  const initializers = axes.map((axis, k) =>
    int32Tensor(`${result}.taken${axis}`, taken(begins[k]!, ends[k]!, steps[k]!)),
  );
  const values = [inputs[0]!, ...axes.slice(0, -1).map((axis) => `${result}.axis${axis}`), result];
  const nodes = axes.map((axis, k) => ({
    opType: 'Gather',
    inputs: [values[k]!, initializers[k]!.name],
    outputs: [values[k + 1]!],
    attributes: { axis: { i: axis } },
  }));
  return { nodes, initializers };
}

/** Returns the indices that a traced Slice reads, from begin to end; negative ones count from the other side. */
function taken(begin: number, end: number, step: number): number[] {
  // When stepping backwards from a non-negative begin, a negative end lies before the first element.
  const last = begin >= 0 && end < 0 ? -1 : end;
  return Array.from({ length: Math.max(0, Math.ceil((last - begin) / step)) }, (_, k) => begin + k * step);
}

function int32Tensor(name: string, values: readonly number[]): OnnxTensor {
  return { name, dtype: 'int32', shape: [values.length], data: bytesOf(Int32Array.from(values)) };
}

/** Computes x − max x − ln Σ exp(x − max x), along the last axis. */
function logSoftmax({ inputs, outputs }: OnnxNode): Rewritten {
  const result = outputs[0]!;
  const [maximum, shifted, powers, sum, logarithm, axis] = [
    'maximum',
    'shifted',
    'powers',
    'sum',
    'logarithm',
    'axis',
  ].map((part) => `${result}.${part}`) as [string, string, string, string, string, string];
  const keepdims = { i: 1 };
  return {
    nodes: [
      { opType: 'ReduceMax', inputs: [inputs[0]!], outputs: [maximum], attributes: { axes: { ints: [-1] }, keepdims } },
      { opType: 'Sub', inputs: [inputs[0]!, maximum], outputs: [shifted] },
      { opType: 'Exp', inputs: [shifted], outputs: [powers] },
      { opType: 'ReduceSum', inputs: [powers, axis], outputs: [sum], attributes: { keepdims } },
      { opType: 'Log', inputs: [sum], outputs: [logarithm] },
      { opType: 'Sub', inputs: [shifted, logarithm], outputs: [result] },
    ],
    initializers: [int64Tensor(axis, [-1])],
  };
}

/** Tests for NaN as the value that does not equal itself; a device whose compiler assumes that no NaN occurs misses it. */
function isNaNByEqual({ inputs, outputs }: OnnxNode): Rewritten {
  const [x, result] = [inputs[0]!, outputs[0]!];
  const equal = `${result}.equal`;
  return {
    nodes: [
      { opType: 'Equal', inputs: [x, x], outputs: [equal] },
      { opType: 'Not', inputs: [equal], outputs: [result] },
    ],
    initializers: [],
  };
}

/** Chooses 1, −1 or the value itself, which is 0 or NaN where neither comparison holds. */
function signByComparisons({ inputs, outputs }: OnnxNode): Rewritten {
  const [x, result] = [inputs[0]!, outputs[0]!];
  const [zero, one, minusOne, positive, negative, below] = [
    'zero',
    'one',
    'minusOne',
    'positive',
    'negative',
    'below',
  ].map((part) => `${result}.${part}`) as [string, string, string, string, string, string];
  return {
    nodes: [
      { opType: 'Greater', inputs: [x, zero], outputs: [positive] },
      { opType: 'Less', inputs: [x, zero], outputs: [negative] },
      { opType: 'Where', inputs: [negative, minusOne, x], outputs: [below] },
      { opType: 'Where', inputs: [positive, one, below], outputs: [result] },
    ],
    initializers: [floatScalar(zero, 0), floatScalar(one, 1), floatScalar(minusOne, -1)],
  };
}

function floatScalar(name: string, value: number): OnnxTensor {
  return { name, dtype: 'float32', shape: [], data: bytesOf(Float32Array.of(value)) };
}
