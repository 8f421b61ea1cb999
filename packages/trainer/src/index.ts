/// <reference lib="esnext.disposable" preserve="true" />
/**
 * `@unroll/trainer`: whole runs of training (`train`); what is done with their checkpoints (`evaluate`, `score`,
 * `generate`, `extractFeatures`, `exportBundle`) and with models of other frameworks (`importModel`); TensorFlow.js models trained step by
 * step (`compile`); the engines that run programs; and the `unroll` command as a function.
 */
import './own-models/fit-progress.js';

export { main } from './cli.js';
export { type CompiledModel, type CompileOptions, compile } from './compile/compile.js';
export type { Loss, LossFunction } from './compile/loss.js';
export type { ModelFunction } from './compile/model.js';
export {
  type Engine,
  type Executable,
  type Residents,
  type ResidentValues,
  type RunInputs,
  runMany,
  zeros,
} from './engines/engine.js';
export { type EngineName, engineNames } from './engines/engine-names.js';
export { selectEngine } from './engines/select.js';
export { UnrollError } from './errors.js';
export type { CacheOptions, DynamicOptions } from './evaluation/adaptation.js';
export type { SplitEvaluation } from './evaluation/evaluate-split.js';
export type { BundleExport } from './evaluation/export-language-model.js';
export type { ElmoImport, ImportResult } from './import/import-checkpoint.js';
export { type EvaluateOptions, type Evaluation, evaluate } from './library/evaluate.js';
export { type ExportOptions, exportBundle } from './library/export-bundle.js';
export { type ExtractFeaturesOptions, extractFeatures, type FeatureExtraction } from './library/extract-features.js';
export { type GenerateTextOptions, generate } from './library/generate.js';
export { type ImportOptions, importModel } from './library/import-model.js';
export { modelFolder } from './library/model-folder.js';
export type { ModelSource } from './library/one-source.js';
export type { OwnModelSource } from './library/own-model.js';
export { type SaveOptions, saveLanguageModel } from './library/save-language-model.js';
export { type ScoreOptions, score, type TextScore } from './library/score.js';
export { type TrainOptions, train } from './library/train.js';
export type { LanguageModelTraining, ModuleTraining, TaskTraining, Training } from './library/training-data.js';
export type { Examples } from './own-models/examples.js';
export type { ModelTraining } from './own-models/own-task.js';
export type { TaskEvaluation } from './tasks/evaluate-task.js';
export type { TaskExport } from './tasks/export-task.js';
export type { Listener, WorkProgress } from './terminal/listener.js';
export type { WorkerRole } from './training/learners/open-learner.js';
export type { RunEvent } from './training/run.js';
