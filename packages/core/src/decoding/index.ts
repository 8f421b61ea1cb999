// The public entry of @unroll/core/decoding: turns a model's scores into tokens and other results, and holds whatever
// else the use of a model needs without TensorFlow.js.

export { framesOf, levelled, logMelConfig } from '../audio/frames.js';
export { type Random, seededRandom } from '../random/seeded-random.js';
export { type AnomalyLikelihoodConfig, anomalyScores } from './anomaly-likelihood.js';
export { type BeamSearchOptions, beamSearch, type Hypothesis } from './beam-search.js';
export { classifyIds, type StateValues, type TokenStep } from './classification.js';
export { ctcGreedyLabels } from './ctc-greedy.js';
export { ctcLogProbability } from './ctc-label-probability.js';
export { type ElmoExtraction, type ElmoState, type ElmoSteps, elmoFeatures } from './elmo.js';
export { type Entity, entitiesOf, isIobTag } from './entities.js';
export { type GenerationOptions, generateTokens } from './generation.js';
export { logSoftmax } from './log-softmax.js';
export { type RecognizerSteps, recognizeFrames } from './recognition.js';
export { type SamplingOptions, sampleToken, type TokenDistribution, tokenDistribution } from './sampling.js';
export type { DecodingStep, DecodingStepResult } from './step.js';
export { type EncodedWords, type TaggerSteps, tagWords } from './tagging.js';
export {
  longestSource,
  type RunStep,
  type TranslateOptions,
  type TranslationSteps,
  translateIds,
} from './translation.js';
export { type CrfScores, viterbi } from './viterbi.js';
