/**
 * Rewrites the 4-bit products of a graph to 8-bit ones when a model is loaded. ONNX Runtime's WebAssembly has no fast
 * kernel for 4-bit weights (LSTM 2×650, 10,000 tokens: 20 tokens/s, against 400 with int8), so there int4 saves the
 * download, not the time. The lookup stays: it reads one row.
 */
import { float32Tensor, type OnnxGraph, type OnnxNode, type OnnxTensor, prune } from '@unroll/core/onnx';
import { unpackBlocks } from './int4.js';
import { int8 } from './int8.js';

/** `graph` with each `MatMulNBits` of a 4-bit bundle as `DynamicQuantizeMatMul`. */
export function widenInt4Products(graph: OnnxGraph): OnnxGraph {
  const initializers = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const nodes = graph.nodes.flatMap((node) => {
    if (node.opType !== 'MatMulNBits') return [node];
    const [input, quantized, scale] = node.inputs as [string, string, string];
    const weight = floatWeight(node, initializers.get(quantized)!, initializers.get(scale)!);
    const product = int8.product({ input, weight, transposed: true, output: node.outputs[0]! });
    for (const tensor of product.initializers) initializers.set(tensor.name, tensor);
    return product.nodes;
  });
  return prune({ ...graph, nodes, initializers: [...initializers.values()] });
}

/** The weight of a `MatMulNBits` node as float32 [outputs, inputs]. */
function floatWeight(node: OnnxNode, quantized: OnnxTensor, scale: OnnxTensor): OnnxTensor {
  const { K, N } = node.attributes as { K: { i: number }; N: { i: number } };
  const name = quantized.name.replace(/\.int4$/, '.widened');
  return float32Tensor(name, [N.i, K.i], unpackBlocks(quantized, scale, K.i));
}
