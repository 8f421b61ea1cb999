/// <reference lib="esnext.disposable" preserve="true" />
/** `@unroll/edge-runtime`: quantized recurrent language models in browsers and on devices. */

export type { Span } from '@unroll/core/text';
export { loadLanguageModel } from '#load';
export { type AnomalyDetector, loadAnomalyDetector } from './applications/anomaly-detector.js';
export { type ApplicationContents, buildApplication } from './applications/build-application.js';
export {
  type Elmo,
  type ElmoFeaturesState,
  type ElmoOptions,
  loadElmo,
  type WordFeatures,
} from './applications/elmo.js';
export { type Forecaster, loadForecaster } from './applications/forecaster.js';
export { type Application, type LoadApplicationOptions, loadApplication } from './applications/load-application.js';
export {
  loadSequenceTagger,
  type SequenceTagger,
  type TaggedEntity,
  type Tagging,
} from './applications/sequence-tagger.js';
export {
  loadSpeechRecognizer,
  type Recognition,
  type SpeechRecognizer,
} from './applications/speech-recognizer.js';
export { type Classification, loadTextClassifier, type TextClassifier } from './applications/text-classifier.js';
export { loadTranslator, type Translator } from './applications/translator.js';
export { type BundleContents, buildBundle, withMeasurements } from './bundle/build-bundle.js';
export { bundleFiles, type Manifest, type Measurements, parseManifest } from './bundle/manifest.js';
export type { LoadProgress } from './bundle/read-bundle.js';
export { BundleError, type BundleErrorCode } from './errors.js';
export { type Device, type DeviceUse, wasm } from './loading/device.js';
export { type LocalLoadOptions, loadLocalLanguageModel } from './loading/load-local.js';
export type { LoadOptions } from './loading/load-options.js';
export type { StorageUse } from './loading/storage-use.js';
export type { ContributeOptions, Contribution, Round } from './personalization/contribution.js';
export type {
  Change,
  PersonalizationMethod,
  PersonalizationProgress,
  PersonalizationResult,
  PersonalizationStatus,
  PersonalizeOptions,
} from './personalization/options.js';
export { quantizeKernels } from './quantization/int8-kernels.js';
export { chooseByMeasurement, decodingSpeed, type MeasuredRuntime } from './quantization/measure.js';
export { chooseByRule, type MatrixChoice, type Quantization, type Target } from './quantization/plan.js';
export { type MatrixScheme, quantize, type WeightMatrix, weightMatrices } from './quantization/quantize.js';
export type { Cancellable } from './runtime/cancellable.js';
export { type GeneratedToken, type GenerateOptions, generate } from './runtime/generate.js';
export type { LanguageModel } from './runtime/language-model.js';
export type { LocalLanguageModel } from './runtime/local-language-model.js';
export { type IdScore, type Score, scoreIds } from './runtime/score.js';
export type { OnnxRuntime } from './runtime/session.js';
export type { StepModel } from './runtime/step.js';
export type { SuggestOptions } from './runtime/suggest.js';
export type { FromState, TextState } from './runtime/text-state.js';
export { type Bert, loadBert } from './transformers/bert.js';
export type { LoadTransformerOptions } from './transformers/folder.js';
export { type Gpt2, loadGpt2 } from './transformers/gpt2.js';
