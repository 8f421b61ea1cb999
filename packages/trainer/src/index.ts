/// <reference lib="esnext.disposable" preserve="true" />
/**
 * `@unroll/trainer`: TensorFlow.js models trained by ONNX Runtime, step by step (`compile`) or whole runs (`train`), the
 * engines that run programs, and the `unroll` command as a function.
 */
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
export type { Examples } from './own-models/examples.js';
export type { ModelTraining } from './own-models/own-task.js';
export { type TrainOptions, train } from './own-models/train.js';
export type { WorkerRole } from './training/learners/open-learner.js';
export type { RunEvent } from './training/run.js';
