/** Rewrites a traced graph into operators that every WebGPU device can run. */
import { int64Tensor, type OnnxGraph, type OnnxNode, type OnnxTensor } from '@unroll/core';

/** WebGPU promises a kernel 8 buffers (maxStorageBuffersPerShaderStage); Split has one for its input. */
const mostOutputs = 7;

/** The graph without operators that need more buffers than a device may have. */
export function forWebGpu(graph: OnnxGraph): OnnxGraph {
  const constants = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const initializers: OnnxTensor[] = [...graph.initializers];
  const nodes = graph.nodes.flatMap((node) => {
    if (node.opType !== 'Split' || node.outputs.length <= mostOutputs) return [node];
    const tree = splitTree(node, sizesIn(constants.get(node.inputs[1]!)!));
    initializers.push(...tree.initializers);
    return tree.nodes;
  });
  return { ...graph, initializers, nodes };
}

/** A Split with many outputs as a tree of Splits with few: parts of parts. */
function splitTree(split: OnnxNode, sizes: readonly number[]): { nodes: OnnxNode[]; initializers: OnnxTensor[] } {
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

/** The values of an int64 vector. */
function sizesIn({ data }: OnnxTensor): number[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: data.byteLength / 8 }, (_, k) => Number(view.getBigInt64(8 * k, true)));
}
