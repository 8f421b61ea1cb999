/** The part of a bundle that personalizes its model: data alone, without TensorFlow.js. */
import type { OnnxGraph } from '../onnx/graph.js';

/**
 * What is trained: every parameter; two thin factors beside each matrix, and the output's bias (low-rank adaptation,
 * Hu et al. 2022, section 4.1); or the output's bias, which learns how often words are used and nothing of their order.
 */
export type PersonalizationMethod = 'full' | 'adapters' | 'output-bias';

/** The programs of personalization as graphs without weights. */
export interface PersonalizationGraphs {
  /** `decodingProgram`. */
  readonly step: OnnxGraph;
  /** `personalizationProgram` by method. */
  readonly training: Readonly<Record<PersonalizationMethod, OnnxGraph>>;
}
