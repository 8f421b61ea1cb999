/**
 * Stores the kernels of convolutions and the weights of recurrent operators as int8 in the file. They have more than two
 * axes, and no operators for integers that every runtime has; so they are float32 in memory, as in int8-weights.ts.
 */
import { elementCount, type OnnxGraph, type OnnxNode, type OnnxTensor, prune } from '@unroll/core/onnx';
import { int8Weights } from './int8-weights.js';
import { isLargeFloat } from './quantize.js';

/** Indices of the inputs that are weights. */
const weightInputs: Readonly<Record<string, readonly number[]>> = {
  Conv: [1],
  ConvTranspose: [1],
  LSTM: [1, 2],
  GRU: [1, 2],
  RNN: [1, 2],
};

/** Quantizes the large kernels of `graph`, with a scale for each output channel, or for each row of a recurrent operator. */
export function quantizeKernels(graph: OnnxGraph): OnnxGraph {
  const tensors = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const nodes: OnnxNode[] = [];
  const done = new Set<string>();
  for (const { opType, inputs } of graph.nodes) {
    for (const position of weightInputs[opType] ?? []) {
      const tensor = tensors.get(sourceOf(inputs[position]!, producers));
      if (!tensor || !isLargeFloat(tensor) || done.has(tensor.name)) continue;
      done.add(tensor.name);
      const replacement = opType.startsWith('Conv') ? convolution(tensor) : recurrent(tensor);
      nodes.push(...replacement.nodes);
      tensors.delete(tensor.name);
      for (const each of replacement.initializers) tensors.set(each.name, each);
    }
  }
  return prune({ ...graph, nodes: [...nodes, ...graph.nodes], initializers: [...tensors.values()] });
}

/** The constant from which a value is only rearranged. */
function sourceOf(name: string, producers: ReadonlyMap<string, OnnxNode>): string {
  const producer = producers.get(name);
  return producer && ['Transpose', 'Reshape'].includes(producer.opType)
    ? sourceOf(producer.inputs[0]!, producers)
    : name;
}

/** A kernel [kernel…, input, output]; of a depthwise convolution, [kernel…, channels, 1]. */
function convolution(tensor: OnnxTensor) {
  const isDepthwise = tensor.shape.at(-1) === 1;
  const outputs = tensor.shape.at(isDepthwise ? -2 : -1)!;
  const matrix = [elementCount(tensor.shape) / outputs, outputs];
  return reshaped(tensor, int8Weights({ ...tensor, shape: matrix }, false), isDepthwise ? [outputs, 1] : [outputs]);
}

/** Weights [1, gates·hidden, input]. */
function recurrent(tensor: OnnxTensor) {
  const [, rows, columns] = tensor.shape as [number, number, number];
  return reshaped(tensor, int8Weights({ ...tensor, shape: [rows, columns] }, true), [rows, 1]);
}

function reshaped(tensor: OnnxTensor, { nodes, initializers }: ReturnType<typeof int8Weights>, scales: number[]) {
  const [integers, scale] = initializers as [OnnxTensor, OnnxTensor];
  return {
    nodes,
    initializers: [
      { ...integers, shape: tensor.shape },
      { ...scale, shape: scales },
    ],
  };
}
