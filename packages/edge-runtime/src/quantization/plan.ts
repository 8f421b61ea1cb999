/** Schemes of a model's matrices. Here a rule chooses them; measure.ts chooses by measurement. */
import type { OnnxGraph } from '@unroll/core/onnx';
import { type MatrixScheme, type WeightMatrix, weightMatrices } from './quantize.js';

/** Storage of a bundle's weights; with `auto`, measurement chooses for each matrix. */
export type Quantization = 'auto' | 'none' | 'int8' | 'mixed' | 'int4';

/** The runtime for which a bundle is made: Unroll's WebAssembly decoder, WebGPU, or ONNX Runtime on CPUs. */
export type Target = 'wasm' | 'webgpu' | 'node';

/** The scheme of a matrix, with the measurements if it was measured. */
export interface MatrixChoice {
  readonly name: string;
  readonly scheme: MatrixScheme;
  /** Time of one product in each measured scheme, the fastest of several runs. */
  readonly microseconds?: Readonly<Partial<Record<MatrixScheme, number>>>;
}

/** The int8 scheme of a target: WebGPU has no kernel for products with one scale for each column. */
export function int8For(target: Target): MatrixScheme {
  return target === 'webgpu' ? 'int8-blocks' : 'int8';
}

/**
 * Chooses the scheme of each matrix by a rule. `mixed` is int4 for matrices with a row or column for every word, and
 * int8 in the recurrent layers, whose errors recur at every step.
 */
export function chooseByRule(
  graph: OnnxGraph,
  quantization: Exclude<Quantization, 'auto'>,
  target: Target,
): MatrixChoice[] {
  const vocabSize = graph.outputs.find(({ name }) => name === 'logits')?.shape[1];
  const schemeOf = ({ shape }: WeightMatrix): MatrixScheme => {
    if (quantization === 'none') return 'float32';
    if (quantization === 'int4') return 'int4';
    return quantization === 'mixed' && shape.some((size) => size === vocabSize) ? 'int4' : int8For(target);
  };
  return weightMatrices(graph).map((matrix) => ({ name: matrix.name, scheme: schemeOf(matrix) }));
}
