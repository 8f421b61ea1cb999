/**
 * For tests that older bundles still run: converts a quantized graph to its form before `Int8MatMul`, with int8 weights
 * in `DynamicQuantizeMatMul`.
 */
import { type OnnxGraph, type OnnxNode, type OnnxTensor, prune } from '@unroll/core/onnx';

export function olderGraph({ functions: _, ...graph }: OnnxGraph): OnnxGraph {
  const older = new Map(graph.initializers.map((tensor) => [tensor.name, withoutOffset(tensor)]));
  const inputsOf = ({ inputs }: OnnxNode) => inputs.map((name) => older.get(name)?.name ?? name);
  const isOffset = ({ opType, inputs }: OnnxNode) => opType === 'Add' && inputs[1]!.endsWith('.offset');
  const nodes = graph.nodes.map((node): OnnxNode => {
    if (isOffset(node)) return { ...node, opType: 'Identity', inputs: node.inputs.slice(0, 1) };
    if (node.opType !== 'Int8MatMul') return { ...node, inputs: inputsOf(node) };
    return { ...node, opType: 'DynamicQuantizeMatMul', domain: 'com.microsoft', inputs: inputsOf(node) };
  });
  return prune({ ...graph, nodes, initializers: [...older.values()] });
}

function withoutOffset(tensor: OnnxTensor): OnnxTensor {
  if (!tensor.name.endsWith('.uint8')) return tensor;
  return {
    ...tensor,
    name: tensor.name.replace(/uint8$/, 'int8'),
    dtype: 'int8',
    data: tensor.data.map((byte) => byte ^ 128),
  };
}
