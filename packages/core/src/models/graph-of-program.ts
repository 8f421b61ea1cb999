/** Turns a program into an ONNX graph that contains its parameters, as bundles for devices hold it. */
import type { Shapes } from '../tensors/shapes.js';
import { type TracedGraph, trace } from '../tracing/trace.js';
import type { Program } from './program.js';

/**
 * Traces a program; the inputs named in `shapes` become initializers with the same names.
 * @param parameters the initializers' values
 */
export function graphOfProgram(
  { inputs, run }: Program,
  shapes: Shapes,
  parameters: Readonly<Record<string, Float32Array>>,
): TracedGraph {
  const graph = trace(run, inputs);
  const used = graph.inputs.filter(({ name }) => name in shapes);
  return {
    ...graph,
    inputs: graph.inputs.filter(({ name }) => !(name in shapes)),
    initializers: [
      ...graph.initializers,
      ...used.map(({ name }) => {
        const { buffer, byteOffset, byteLength } = parameters[name]!;
        const data = new Uint8Array(buffer, byteOffset, byteLength);
        return { name, dtype: 'float32' as const, shape: shapes[name]!, data };
      }),
    ],
  };
}
