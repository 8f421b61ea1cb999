/** The part of a bundle for personalizing its model. Plain data, without TensorFlow.js. */
import type { OnnxGraph } from '../onnx/graph.js';

/**
 * The trained parameters: all of them; two thin factors beside each matrix and the output's bias (low-rank adaptation,
 * Hu et al. 2022, section 4.1); or the output's bias alone, which learns how often words are used but nothing about
 * their order.
 */
export type PersonalizationMethod = 'full' | 'adapters' | 'output-bias';

/** The programs of personalization as graphs without weights. */
export interface PersonalizationGraphs {
  /** The graph of `decodingProgram`. */
  readonly step: OnnxGraph;
  /** The graphs of `personalizationProgram` by method. */
  readonly training: Readonly<Record<PersonalizationMethod, OnnxGraph>>;
}
