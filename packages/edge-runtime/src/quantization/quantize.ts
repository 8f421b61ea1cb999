/**
 * Rewrites a float32 graph so that its large matrices are stored as integers. Pure: graph in, graph out. The products
 * become operators of ONNX Runtime (`com.microsoft`) that run on every engine that Unroll ships to.
 */
import { elementCount, type OnnxGraph, type OnnxNode, type OnnxTensor, prune } from '@unroll/core/onnx';
import { int4 } from './int4.js';
import { int8 } from './int8.js';
import type { Replacement, Scheme } from './scheme.js';

/** How a bundle stores its weights. */
export type Quantization = 'none' | 'int8' | 'int4';

/** Smaller tensors stay float32: they cost nothing to ship, and small products gain nothing from integers. */
const smallestElementCount = 4096;

const schemes: Record<Exclude<Quantization, 'none'>, Scheme> = { int8, int4 };

/**
 * `graph` with its large weight matrices quantized, after training and without data.
 *
 * - `int8`: products are `DynamicQuantizeMatMul`, one scale per output column, activations quantized as they come; the
 *   embedding is int8 with one scale per row.
 * - `int4`: products are `MatMulNBits` and the lookup `GatherBlockQuantized`, one scale per block of 32 weights.
 * - `none`: the graph itself.
 *
 * An embedding that is also the output layer's weight is stored once. Products whose weight is small, computed, or
 * scaled by Gemm's `alpha` stay float32.
 */
export function quantize(graph: OnnxGraph, quantization: Quantization): OnnxGraph {
  if (quantization === 'none') return graph;
  const scheme = schemes[quantization];
  const large = new Map(graph.initializers.filter(isLarge).map((tensor) => [tensor.name, tensor]));
  const multiplied = new Set(graph.nodes.filter(isProduct).map((node) => node.inputs[1]!));

  const nodes: OnnxNode[] = [];
  const initializers = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  for (const node of graph.nodes) {
    const weight = large.get(node.inputs[isLookup(node) ? 0 : 1] ?? '');
    const replacement = weight && replace(node, weight, scheme, multiplied);
    if (!replacement) {
      nodes.push(node);
      continue;
    }
    nodes.push(...replacement.nodes);
    for (const tensor of replacement.initializers) initializers.set(tensor.name, tensor);
  }
  return prune({ ...graph, nodes, initializers: [...initializers.values()] });
}

function replace(
  node: OnnxNode,
  weight: OnnxTensor,
  scheme: Scheme,
  multiplied: ReadonlySet<string>,
): Replacement | undefined {
  const output = node.outputs[0]!;
  if (isLookup(node)) {
    return scheme.lookup({ table: weight, ids: node.inputs[1]!, output, tied: multiplied.has(weight.name) });
  }
  if (!isProduct(node)) return undefined;
  const bias = node.inputs[2];
  const product = scheme.product({
    input: node.inputs[0]!,
    weight,
    transposed: integer(node, 'transB', 0) === 1,
    output: bias ? `${output}.product` : output,
  });
  if (!bias) return product;
  const add: OnnxNode = { opType: 'Add', inputs: [`${output}.product`, bias], outputs: [output] };
  return { nodes: [...product.nodes, add], initializers: product.initializers };
}

function isLarge(tensor: OnnxTensor): boolean {
  return tensor.dtype === 'float32' && tensor.shape.length === 2 && elementCount(tensor.shape) >= smallestElementCount;
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
