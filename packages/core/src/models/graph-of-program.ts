/** A program as an ONNX graph that carries its parameters: what a bundle for devices holds. */
import type { OnnxGraph } from '../onnx/graph.js';
import { trace } from '../tracing/trace.js';
import type { Shapes } from './language-model-config.js';
import type { Program } from './program.js';

/**
 * Traces a program; the inputs named in `shapes` become initializers of these names.
 * @param parameters their values
 */
export function graphOfProgram(
  { inputs, run }: Program,
  shapes: Shapes,
  parameters: Readonly<Record<string, Float32Array>>,
): OnnxGraph {
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
