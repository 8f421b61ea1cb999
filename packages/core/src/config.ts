/**
 * `@unroll/core/config`: the configurations of models and optimizers, and names and shapes that follow from them. Needs
 * no TensorFlow.js.
 */
export type {
  ForecasterConfig,
  SpeechRecognizerConfig,
  TextClassifierConfig,
  TranslationConfig,
} from './models/application-configs.js';
export { type DynamicRates, type DynamicRule, dynamicRules } from './models/dynamic-rates.js';
export {
  type AdaptiveSoftmaxConfig,
  type Cell,
  dropoutWidths,
  embeddingName,
  gateCounts,
  hasRecurrentWeights,
  type LanguageModelCell,
  type LanguageModelConfig,
  languageModelCells,
  languageModelConfig,
  outputDim,
  outputTable,
  parameterShapes,
  type SampledSoftmaxConfig,
  type Shapes,
  type SoftmaxConfig,
  softmaxTails,
  stateShapes,
} from './models/language-model-config.js';
export type { PersonalizationGraphs, PersonalizationMethod } from './models/personalization-graphs.js';
export { averagingStart, averagingWeight } from './optimizers/averaging-start.js';
export {
  defaultOptimizer,
  keepsWithoutGradient,
  type OptimizerConfig,
  type OptimizerName,
  optimizerNames,
  optimizerSlots,
} from './optimizers/optimizer-config.js';
