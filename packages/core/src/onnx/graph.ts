/**
 * An ONNX graph as plain data: what the tracer records, what export rewrites (quantization) and what
 * {@link encodeOnnx} writes to a file. It knows nothing of TensorFlow.js or of any runtime.
 */

/** Element types that Unroll's graphs use. */
export type OnnxDataType = 'float32' | 'float16' | 'int32' | 'int64' | 'int8' | 'uint8' | 'bool';

/** Bytes of one element. */
export const bytesPerElement: Record<OnnxDataType, number> = {
  float32: 4,
  float16: 2,
  int32: 4,
  int64: 8,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/** A named graph input or output. A string in `shape` is a symbolic dimension. */
export interface OnnxValue {
  readonly name: string;
  readonly dtype: OnnxDataType;
  readonly shape: readonly (number | string)[];
}

/** A constant of the graph: `data` is its elements, row-major and little-endian. */
export interface OnnxTensor {
  readonly name: string;
  readonly dtype: OnnxDataType;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** An attribute, tagged with ONNX's own field names: `i` an integer, `f` a float, `s` a string, `g` a graph (a loop's body). */
export type OnnxAttribute =
  | { readonly i: number }
  | { readonly f: number }
  | { readonly s: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly g: OnnxGraph };

export interface OnnxNode {
  readonly opType: string;
  /** Empty for the standard operators, `com.microsoft` for ONNX Runtime's own, a function's for a call of it. */
  readonly domain?: string;
  /** An empty name is an omitted optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** The graphs that a node runs: a loop's body. */
export function bodies({ attributes = {} }: OnnxNode): OnnxGraph[] {
  return Object.values(attributes).flatMap((attribute) => ('g' in attribute ? [attribute.g] : []));
}

/** An operator made of others, which a file brings along: a runtime puts `nodes` where a node calls it. */
export interface OnnxFunction {
  readonly domain: string;
  /** The `opType` of the nodes that call it. */
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly OnnxNode[];
}

/** Nodes stand in an order in which every input is known before it is used. */
export interface OnnxGraph {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly OnnxTensor[];
  readonly nodes: readonly OnnxNode[];
  /** Functions that its nodes call; none if left out. */
  readonly functions?: readonly OnnxFunction[];
}

/** The number of elements of a tensor of this shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** The bytes of a typed array, without copying. */
export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** A float32 constant. */
export function float32Tensor(name: string, shape: readonly number[], values: ArrayLike<number>): OnnxTensor {
  return { name, dtype: 'float32', shape, data: bytesOf(Float32Array.from(values)) };
}

/** An int64 constant vector, the form in which ONNX takes shapes and axes. */
export function int64Tensor(name: string, values: readonly number[]): OnnxTensor {
  return { name, dtype: 'int64', shape: [values.length], data: bytesOf(BigInt64Array.from(values, BigInt)) };
}

/** The values of an int64 constant. */
export function int64Values({ data }: OnnxTensor): number[] {
  return Array.from(new BigInt64Array(data.slice().buffer), Number);
}

/** The same graph without the nodes and initializers on which no output depends. */
export function prune(graph: OnnxGraph): OnnxGraph {
  const needed = new Set(graph.outputs.map((output) => output.name));
  const nodes: OnnxNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of node.inputs) needed.add(name);
    nodes.push(node);
  }
  const initializers = graph.initializers.filter((tensor) => needed.has(tensor.name));
  return { ...graph, nodes: nodes.reverse(), initializers };
}
