/** Decoding steps of language models with seeded random weights, for tests. */
import { initialParameters, languageModelConfig, languageModelStepGraph } from '@unroll/core';
import type { OnnxGraph } from '@unroll/core/onnx';

/** The step of a model of this shape. Its weights are larger than those that training starts from, to matter more. */
export function randomStepGraph(shape: Parameters<typeof languageModelConfig>[0]): OnnxGraph {
  const config = languageModelConfig(shape);
  return languageModelStepGraph(config, initialParameters(config, { seed: 1, range: 0.25 }));
}
