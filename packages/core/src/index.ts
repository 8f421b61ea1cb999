/**
 * `@unroll/core`: recurrent kernels, layers and language models on TensorFlow.js, and the tracer that turns
 * TensorFlow.js code into ONNX graphs. Runs in Node and in browsers. What only Unroll's other packages need stands in
 * `internal.ts`.
 */

// Layers for models of TensorFlow.js, and models that Keras or TensorFlow.js saved.

export { Bidirectional, type BidirectionalArgs } from './layers/bidirectional.js';
export { Dropout, type DropoutArgs } from './layers/dropout.js';
export { Embedding, type EmbeddingArgs } from './layers/embedding.js';
export { GRU, type GRUArgs } from './layers/gru.js';
export { Linear, type LinearArgs } from './layers/linear.js';
export { loadLayersModel } from './layers/load-layers-model.js';
export { LSTM, type LSTMArgs } from './layers/lstm.js';
export { MinGRU } from './layers/min-gru.js';
export { MinLSTM } from './layers/min-lstm.js';
export type { MinimalLayerArgs } from './layers/minimal-layer.js';
export type { RecurrentLayerArgs } from './layers/recurrent-layer.js';
export { SimpleRNN, type SimpleRNNArgs } from './layers/simple-rnn.js';

// Recurrent networks as functions of their parameters.

export { initialParameters, uniformParameters } from './models/initial-parameters.js';
export { type RecurrentNetworkInputs, type RecurrentNetworkOutputs, recurrentNetwork } from './recurrent/network.js';
export {
  type RecurrentNetworkConfig,
  recurrentNetworkConfig,
  recurrentParameterShapes,
  recurrentStateShapes,
} from './recurrent/network-config.js';
export { recurrentParametersFromTorch, type ShapedValues } from './recurrent/torch-parameters.js';
export type { NamedTensors } from './tensors/named-tensors.js';
export type { Shapes } from './tensors/shapes.js';

// Language models: as an object with variables, and as programs to train, evaluate and export.

export type { LanguageModelMode } from './models/held-language-model.js';
export { type LanguageModelState, RnnLanguageModel, type RnnLanguageModelOptions } from './models/language-model.js';
export {
  type LanguageModelConfig,
  languageModelConfig,
  parameterShapes,
  stateShapes,
} from './models/language-model-config.js';
export {
  decodingProgram,
  evaluationProgram,
  gradientProgram,
  languageModelStepGraph,
  trainingProgram,
} from './models/language-model-programs.js';
export { personalizationGraphs } from './models/personalization-program.js';
export { RwkvLanguageModel, type RwkvLanguageModelOptions, type RwkvState } from './models/rwkv-language-model.js';

// Models of applications.

export type {
  ForecasterConfig,
  SpeechRecognizerConfig,
  TaggerConfig,
  TextClassifierConfig,
  TranslationConfig,
} from './models/application-configs.js';
export { classifierLoss, type TextBatchShape } from './models/classifier.js';
export {
  type ElmoLayers,
  type ElmoSentences,
  elmoFeaturesProgram,
  elmoLayers,
  elmoLoss,
  extractElmoFeatures,
} from './models/elmo.js';
export {
  type ElmoConfig,
  type ElmoConvolution,
  elmoConfig,
  elmoMixShapes,
  elmoParameterShapes,
  elmoStateShapes,
  initialElmoParameters,
} from './models/elmo-config.js';
export { forecasterLoss } from './models/forecaster.js';
export { recognizerLoss, type SpeechBatchShape } from './models/speech-recognizer.js';
export { taggerLoss } from './models/tagger.js';
export { type PairBatchShape, translationLoss } from './models/translation.js';

// Training steps of any loss, and graphs of any function of TensorFlow.js.

export { slotShapes, type UpdateRecipe } from './models/clipped-update.js';
export { graphOfProgram } from './models/graph-of-program.js';
export { type LossFunction, lossTrainingProgram } from './models/loss-program.js';
export type { BatchShape, Precision, Program } from './models/program.js';
export { encodeOnnx } from './onnx/file.js';
export type { OnnxGraph } from './onnx/graph.js';
export { defaultOptimizer, type OptimizerConfig, type OptimizerName } from './optimizers/optimizer-config.js';
export { TraceError } from './tracing/backend.js';
export { type TensorSpec, trace } from './tracing/trace.js';

// Conversion of whole models.

export type { GraphModel } from './conversion/graph-model.js';
export { type ToOnnxOptions, toOnnx } from './conversion/to-onnx.js';

// Kernels: differentiable functions of tensors, on every backend.

export { type GlobalAttentionInputs, globalAttention } from './kernels/attention/global-attention.js';
export type { ActivationName } from './kernels/cells/activations.js';
export type { CellWeights, RecurrentCell } from './kernels/cells/cell.js';
export { type GruCellOptions, gruCell } from './kernels/cells/gru-cell.js';
export { type LstmCellOptions, lstmCell } from './kernels/cells/lstm-cell.js';
export { rnnCell } from './kernels/cells/rnn-cell.js';
export { type CellSequenceInputs, type CellSequenceOutputs, cellSequence } from './kernels/cells/sequence.js';
export { type CrfLossInputs, crfLoss } from './kernels/crf/loss.js';
export { type CtcLossInputs, ctcLoss } from './kernels/ctc/loss.js';
export {
  type DeltaRuleInputs,
  type DeltaRuleOptions,
  generalizedDeltaRule,
} from './kernels/delta-rule/generalized-delta-rule.js';
export { embeddingLookup } from './kernels/embedding/lookup.js';
export { minGruSequence } from './kernels/linear-recurrence/min-gru.js';
export { minLstmSequence } from './kernels/linear-recurrence/min-lstm.js';
export type { MinimalSequence, MinimalUnitInputs } from './kernels/linear-recurrence/minimal-unit.js';
export { type CandidateOptions, type Candidates, logUniformCandidates } from './kernels/sampled-softmax/candidates.js';
export { type SampledSoftmaxInputs, sampledSoftmaxCrossEntropy } from './kernels/sampled-softmax/sampled-softmax.js';
export { sparseSoftmaxCrossEntropy } from './kernels/softmax-cross-entropy/sparse.js';
export { sumOfSquares } from './kernels/sum-of-squares/sum-of-squares.js';

// Recordings, spellings and scores.

export { type Recording, readWav } from './audio/wav.js';
export { type Bleu, corpusBleu } from './metrics/bleu.js';
export { elmoCharacters, type SpelledSentences } from './text/elmo-characters.js';
