/**
 * `@unroll/core/config`: the configurations of models and optimizers, and names and shapes that follow from them. Needs
 * no TensorFlow.js.
 */
export { SettingError } from './checks/setting-error.js';
export type {
  ForecasterConfig,
  SpeechRecognizerConfig,
  TaggerConfig,
  TextClassifierConfig,
  TranslationConfig,
} from './models/application-configs.js';
export { type DynamicRates, type DynamicRule, dynamicRules } from './models/dynamic-rates.js';
export {
  type AdaptiveSoftmaxConfig,
  dropoutWidths,
  embeddingName,
  type LanguageModelConfig,
  languageModelConfig,
  outputTable,
  parameterShapes,
  type SampledSoftmaxConfig,
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
export {
  type ClassicCell,
  gateCounts,
  hasRecurrentWeights,
  type LanguageModelCell,
  languageModelCells,
} from './recurrent/cells.js';
export { outputDim } from './recurrent/network-config.js';
export { elementCount, type Shapes } from './tensors/shapes.js';
