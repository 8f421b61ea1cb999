/** For tests: runs a graph with ONNX Runtime on the CPU. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { encodeOnnx } from '../onnx/file.js';
import type { OnnxGraph } from '../onnx/graph.js';

/** A tensor as plain numbers, row-major. */
export interface Values {
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly dtype?: 'float32' | 'int32' | 'bool';
}

/**
 * Runs a graph and returns its outputs by name, as numbers (booleans as 0 and 1).
 * @param inputs may include more than the graph has, because unused inputs are pruned from graphs
 */
export async function runGraph(
  graph: OnnxGraph,
  inputs: Readonly<Record<string, Values>>,
  { threads = 1 }: { readonly threads?: number } = {},
): Promise<Record<string, number[]>> {
  const session = await InferenceSession.create(encodeOnnx(graph), { logSeverityLevel: 3, intraOpNumThreads: threads });
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, toTensor(inputs[name]!)]));
  const results = await session.run(feeds);
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data as never, Number)]),
  );
}

/** A tensor of ONNX Runtime with these values. */
export function toTensor({ shape, values, dtype = 'float32' }: Values): Tensor {
  switch (dtype) {
    case 'float32':
      return new Tensor(dtype, Float32Array.from(values), shape);
    case 'int32':
      return new Tensor(dtype, Int32Array.from(values), shape);
    case 'bool':
      return new Tensor(dtype, Uint8Array.from(values), shape);
  }
}
