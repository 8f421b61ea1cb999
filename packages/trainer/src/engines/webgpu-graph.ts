/** Rewrites a traced graph into operators that ONNX Runtime's WebGPU provider has. */
import type { OnnxGraph, OnnxNode } from '@unroll/core';

/** The graph without the operators that would be left to the CPU. */
export function forWebGpu(graph: OnnxGraph): OnnxGraph {
  return {
    ...graph,
    nodes: graph.nodes.flatMap((node) => (node.opType === 'LogSoftmax' ? logSoftmax(node) : [node])),
  };
}

/** log softmax(x) = x − m − log Σ exp(x − m) with m = max x, along the last axis, as the tracer emits it. */
function logSoftmax({ inputs, outputs }: OnnxNode): OnnxNode[] {
  const [x, y] = [inputs[0]!, outputs[0]!];
  const name = (part: string) => `${y}.${part}`;
  const attributes = { axes: { ints: [-1] }, keepdims: { i: 1 } };
  return [
    { opType: 'ReduceMax', inputs: [x], outputs: [name('max')], attributes },
    { opType: 'Sub', inputs: [x, name('max')], outputs: [name('shifted')] },
    { opType: 'ReduceLogSumExp', inputs: [name('shifted')], outputs: [name('logSum')], attributes },
    { opType: 'Sub', inputs: [name('shifted'), name('logSum')], outputs: [y] },
  ];
}
