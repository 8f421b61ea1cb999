/** Which scheme each matrix of a model gets: by a rule here, by measurement in measure.ts. */
import type { OnnxGraph } from '@unroll/core/onnx';
import { type MatrixScheme, type WeightMatrix, weightMatrices } from './quantize.js';

/** How a bundle stores its weights; with `auto`, each matrix as measurement says. */
export type Quantization = 'auto' | 'none' | 'int8' | 'mixed' | 'int4';

/** What a bundle is made for: Unroll's WebAssembly decoder, WebGPU, or ONNX Runtime on CPUs. */
export type Target = 'wasm' | 'webgpu' | 'node';

/** The scheme of a matrix, and why if that was measured. */
export interface MatrixChoice {
  readonly name: string;
  readonly scheme: MatrixScheme;
  /** What one product took in each scheme that was tried, the fastest of some. */
  readonly microseconds?: Readonly<Partial<Record<MatrixScheme, number>>>;
}

/** int8 as the target runs it: WebGPU has no kernel for products with one scale a column. */
export function int8For(target: Target): MatrixScheme {
  return target === 'webgpu' ? 'int8-blocks' : 'int8';
}

/**
 * The scheme of each matrix by a rule. `mixed` is int4 where a matrix has a row or column for every word, and int8 in the
 * recurrent layers, whose errors come back at every step.
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
