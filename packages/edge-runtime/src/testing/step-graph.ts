/** For tests: decoding steps of language models with seeded random weights. */
import {
  initialParameters,
  languageModelConfig,
  languageModelStepGraph,
  parameterShapes,
  uniformParameters,
} from '@unroll/core';
import { languageModelReadingGraph } from '@unroll/core/internal';
import type { OnnxGraph } from '@unroll/core/onnx';

export type ModelShape = Parameters<typeof languageModelConfig>[0];

/**
 * The step of a model of this shape. Its weights are larger than those at the start of training, so that they matter
 * more.
 */
export function randomStepGraph(shape: ModelShape): OnnxGraph {
  const config = languageModelConfig(shape);
  return languageModelStepGraph(config, uniformParameters(parameterShapes(config), { seed: 1, range: 0.25 }));
}

/** The same model for any number of tokens in a run; its cell's gates must not see the state. */
export function randomReadingGraph(shape: ModelShape): OnnxGraph {
  const config = languageModelConfig(shape);
  return languageModelReadingGraph(config, initialParameters(config, { seed: 1, range: 0.25 }));
}
