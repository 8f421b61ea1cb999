/** Writes graphs of opset 17 for other versions of ONNX's operators. */
import { encodeOnnx } from '../onnx/file.js';
import { int64Tensor, type OnnxGraph, type OnnxNode, type OnnxTensor } from '../onnx/graph.js';

const oldest = 15;
const newest = 21;

/** From opset 18 on, these take their axes as an input, as ReduceSum does. */
const reductions = new Set([
  'ReduceMax',
  'ReduceMin',
  'ReduceMean',
  'ReduceProd',
  'ReduceSumSquare',
  'ReduceL2',
  'ReduceLogSumExp',
]);

/**
 * Encodes a graph.
 * @throws RangeError if the version is not 15 to 21
 */
export function encodeForOpset(
  graph: OnnxGraph,
  opset: number,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  if (!Number.isInteger(opset) || opset < oldest || opset > newest) {
    throw new RangeError(`opset ${opset} is not written; give one from ${oldest} to ${newest}`);
  }
  return encodeOnnx(opset < 18 ? graph : withAxesAsInputs(graph), metadata, opset);
}

function withAxesAsInputs(graph: OnnxGraph): OnnxGraph {
  const initializers = new Map<string, OnnxTensor>();
  const rewritten = (node: OnnxNode): OnnxNode => {
    const attributes = Object.entries(node.attributes ?? {}).map(([name, attribute]) => {
      return [name, 'g' in attribute ? { g: { ...attribute.g, nodes: attribute.g.nodes.map(rewritten) } } : attribute];
    });
    const { axes, ...others } = Object.fromEntries(attributes) as NonNullable<OnnxNode['attributes']>;
    if (!reductions.has(node.opType) || !axes || !('ints' in axes)) {
      return { ...node, ...(node.attributes && { attributes: { ...others, ...(axes && { axes }) } }) };
    }
    const tensor = int64Tensor(`axes.${axes.ints.join('.')}`, axes.ints);
    initializers.set(tensor.name, tensor);
    return { ...node, inputs: [...node.inputs, tensor.name], attributes: others };
  };
  const nodes = graph.nodes.map(rewritten);
  return { ...graph, nodes, initializers: [...graph.initializers, ...initializers.values()] };
}
