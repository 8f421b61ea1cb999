// The public entry of @unroll/core/decoding: from a model's scores to tokens.

export { type BeamSearchOptions, beamSearch, type Hypothesis } from './beam-search.js';
export { classifyIds, type StateValues, type TokenStep } from './classification.js';
export { type GenerationOptions, generateTokens } from './generation.js';
export { logSoftmax } from './log-softmax.js';
export { type Random, seededRandom } from './random.js';
export { type SamplingOptions, sampleToken, type TokenDistribution, tokenDistribution } from './sampling.js';
export type { Step, StepResult } from './step.js';
export {
  longestSource,
  type RunStep,
  type TranslateOptions,
  type TranslationSteps,
  translateIds,
} from './translation.js';
