/**
 * Rewrites a float32 graph so that its large matrices are stored as integers. Pure: graph in, graph out. The file runs
 * wherever ONNX Runtime runs, with the same results on all CPUs.
 */
import { elementCount, type OnnxGraph, type OnnxNode, type OnnxTensor, prune } from '@unroll/core/onnx';
import { int4, int8Blocks } from './blocks.js';
import { int8 } from './int8.js';
import { int8Weights } from './int8-weights.js';
import type { Replacement, Scheme } from './scheme.js';

/**
 * The storage of one matrix.
 *
 * - `int8`: products are `Int8MatMul`, with one scale for each output column; the embedding is int8 with one scale for
 *   each row.
 * - `int8-weights`: int8 in the file only. For products of many rows, which ONNX Runtime Web computes fastest in
 *   float32.
 * - `int8-blocks`: products are `MatMulNBits` and the lookup `GatherBlockQuantized`, with one scale for each block of
 *   32 weights.
 * - `int4`: as `int8-blocks`, with 4 bits; a table that is only looked up has one scale for each block of 64.
 */
export type MatrixScheme = 'float32' | 'int8' | 'int8-weights' | 'int8-blocks' | 'int4';

const schemes: Record<Exclude<MatrixScheme, 'float32' | 'int8-weights'>, Scheme> = {
  int8,
  'int8-blocks': int8Blocks,
  int4,
};

/** The graph's use of a matrix; `tied` for an embedding that is also the output layer's weight. */
export type MatrixUse = 'lookup' | 'product' | 'tied';

export interface WeightMatrix {
  readonly name: string;
  readonly shape: readonly number[];
  readonly use: MatrixUse;
}

/** Smaller tensors stay float32: they take few bytes, and small products gain nothing from integers. */
const smallestElementCount = 4096;

/**
 * The matrices of `graph` that can be quantized. Excludes small and computed ones, and those scaled by Gemm's `alpha`.
 */
export function weightMatrices(graph: OnnxGraph): WeightMatrix[] {
  const namesOf = (nodes: readonly OnnxNode[]) => new Set(nodes.map((node) => node.inputs[weightInput(node)]!));
  const products = namesOf(graph.nodes.filter(isProduct));
  const lookups = namesOf(graph.nodes.filter(isLookup));
  return graph.initializers
    .filter(isLarge)
    .filter(({ name }) => products.has(name) || lookups.has(name))
    .map(({ name, shape }) => {
      const use = !lookups.has(name) ? 'product' : products.has(name) ? 'tied' : 'lookup';
      return { name, shape, use };
    });
}

/**
 * Stores each weight matrix of `graph` in the scheme that `schemeOf` returns, after training and without data. A matrix
 * that is used twice is stored once.
 */
export function quantize(graph: OnnxGraph, schemeOf: (matrix: WeightMatrix) => MatrixScheme): OnnxGraph {
  const matrices = new Map(weightMatrices(graph).map((matrix) => [matrix.name, matrix]));
  const tensors = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const nodes: OnnxNode[] = [];
  const initializers = new Map(tensors);
  const functions = new Set(graph.functions);
  const add = (replacement: Replacement) => {
    nodes.push(...replacement.nodes);
    for (const tensor of replacement.initializers) initializers.set(tensor.name, tensor);
    for (const called of replacement.functions ?? []) functions.add(called);
  };
  for (const matrix of matrices.values()) {
    if (schemeOf(matrix) !== 'int8-weights') continue;
    initializers.delete(matrix.name);
    add(int8Weights(tensors.get(matrix.name)!, hasRowsOfOutputs(graph, matrix)));
  }
  for (const node of graph.nodes) {
    const matrix = isProduct(node) || isLookup(node) ? matrices.get(node.inputs[weightInput(node)]!) : undefined;
    const scheme = matrix ? schemeOf(matrix) : 'float32';
    if (!matrix || scheme === 'float32' || scheme === 'int8-weights') nodes.push(node);
    else add(replace(node, tensors.get(matrix.name)!, matrix.use, schemes[scheme]));
  }
  return prune({
    ...graph,
    nodes,
    initializers: [...initializers.values()],
    ...(functions.size > 0 && { functions: [...functions] }),
  });
}

/** Whether each row, rather than each column, belongs to one output of a product or is the result of a lookup. */
function hasRowsOfOutputs({ nodes }: OnnxGraph, { name, use }: WeightMatrix): boolean {
  if (use !== 'product') return true;
  return nodes.some((node) => isProduct(node) && node.inputs[1] === name && integer(node, 'transB', 0) === 1);
}

function replace(node: OnnxNode, weight: OnnxTensor, use: MatrixUse, scheme: Scheme): Replacement {
  const output = node.outputs[0]!;
  if (isLookup(node)) return scheme.lookup({ table: weight, ids: node.inputs[1]!, output, tied: use === 'tied' });
  const bias = node.inputs[2];
  const product = scheme.product({
    input: node.inputs[0]!,
    weight,
    transposed: integer(node, 'transB', 0) === 1,
    output: bias ? `${output}.product` : output,
  });
  if (!bias) return product;
  const add: OnnxNode = { opType: 'Add', inputs: [`${output}.product`, bias], outputs: [output] };
  return { ...product, nodes: [...product.nodes, add] };
}

function isLarge(tensor: OnnxTensor): boolean {
  return tensor.shape.length === 2 && isLargeFloat(tensor);
}

/** Whether a tensor takes enough bytes to be stored as integers. */
export function isLargeFloat({ dtype, shape }: OnnxTensor): boolean {
  return dtype === 'float32' && elementCount(shape) >= smallestElementCount;
}

/** Index of the input of a lookup or a product that is the weight. */
function weightInput(node: OnnxNode): number {
  return isLookup(node) ? 0 : 1;
}

function isLookup(node: OnnxNode): boolean {
  return node.opType === 'Gather' && integer(node, 'axis', 0) === 0;
}

function isProduct(node: OnnxNode): boolean {
  if (node.opType === 'MatMul') return true;
  return node.opType === 'Gemm' && integer(node, 'transA', 0) === 0 && isOne(node, 'alpha') && isOne(node, 'beta');
}

function integer(node: OnnxNode, name: string, byDefault: number): number {
  const attribute = node.attributes?.[name];
  return attribute && 'i' in attribute ? attribute.i : byDefault;
}

function isOne(node: OnnxNode, name: string): boolean {
  const attribute = node.attributes?.[name];
  return !attribute || ('f' in attribute && attribute.f === 1);
}
