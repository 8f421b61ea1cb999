/**
 * An ONNX graph as plain data. The tracer records it, export rewrites it (quantization) and {@link encodeOnnx} writes
 * it to a file. It depends neither on TensorFlow.js nor on any runtime.
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

/** A constant of the graph: `data` holds its elements, row-major and little-endian. */
export interface OnnxTensor {
  readonly name: string;
  readonly dtype: OnnxDataType;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/**
 * An attribute, tagged with ONNX's own field names: `i` an integer, `f` a float, `s` a string, `g` a graph (the body of
 * a loop).
 */
export type OnnxAttribute =
  | { readonly i: number }
  | { readonly f: number }
  | { readonly s: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly g: OnnxGraph };

export interface OnnxNode {
  readonly opType: string;
  /**
   * Empty for the standard operators, `com.microsoft` for ONNX Runtime's own, a function's domain for a call of it.
   */
  readonly domain?: string;
  /** An empty name marks an omitted optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** The graphs that a node runs, such as the body of a loop. */
export function bodies({ attributes = {} }: OnnxNode): OnnxGraph[] {
  return Object.values(attributes).flatMap((attribute) => ('g' in attribute ? [attribute.g] : []));
}

/** The names of the values that a node uses: its inputs, and those that its bodies use. */
export function usedBy(node: OnnxNode): string[] {
  const inBodies = bodies(node).flatMap(({ nodes, outputs }) => [
    ...nodes.flatMap(usedBy),
    ...outputs.map(({ name }) => name),
  ]);
  return [...node.inputs, ...inBodies];
}

/** An operator composed of others and defined in the file: a runtime replaces a call by `nodes`. */
export interface OnnxFunction {
  readonly domain: string;
  /** The `opType` of the nodes that call it. */
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly OnnxNode[];
}

/** A graph. Its nodes are sorted so that every input is known before it is used. */
export interface OnnxGraph {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly OnnxTensor[];
  readonly nodes: readonly OnnxNode[];
  /** Functions that its nodes call; default none. */
  readonly functions?: readonly OnnxFunction[];
}

/** Views a typed array as bytes, without copying. */
export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Creates a float32 constant. */
export function float32Tensor(name: string, shape: readonly number[], values: ArrayLike<number>): OnnxTensor {
  return { name, dtype: 'float32', shape, data: bytesOf(Float32Array.from(values)) };
}

/** Creates an int64 constant vector, the form in which ONNX takes shapes and axes. */
export function int64Tensor(name: string, values: readonly number[]): OnnxTensor {
  return { name, dtype: 'int64', shape: [values.length], data: bytesOf(BigInt64Array.from(values, BigInt)) };
}

/** The values of an int64 constant. */
export function int64Values({ data }: OnnxTensor): number[] {
  return Array.from(new BigInt64Array(data.slice().buffer), Number);
}

/** Removes the nodes and initializers on which no output depends. */
export function prune(graph: OnnxGraph): OnnxGraph {
  const needed = new Set(graph.outputs.map((output) => output.name));
  const nodes: OnnxNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of usedBy(node)) needed.add(name);
    nodes.push(node);
  }
  const initializers = graph.initializers.filter((tensor) => needed.has(tensor.name));
  return { ...graph, nodes: nodes.reverse(), initializers };
}
