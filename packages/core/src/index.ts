/**
 * `@unroll/core`: recurrent kernels, layers and language models on TensorFlow.js, and the tracer that turns
 * TensorFlow.js code into ONNX graphs. Runs in Node and in browsers.
 */

export { frameCount, framesOf, type LogMelConfig, levelled, logMelConfig } from './audio/frames.js';
export { logMel } from './audio/log-mel.js';
export { type Recording, readWav } from './audio/wav.js';
export * from './config.js';
export { type AnomalyLikelihoodConfig, anomalyScores } from './decoding/anomaly-likelihood.js';
export { ctcGreedyLabels } from './decoding/ctc-greedy.js';
export { ctcLogProbability } from './decoding/ctc-label-probability.js';
export { type GlobalAttentionInputs, globalAttention } from './kernels/attention/global-attention.js';
export { type ActivationName, activationNames } from './kernels/cells/activations.js';
export type { CellWeights, RecurrentCell } from './kernels/cells/cell.js';
export { type GruCellOptions, gruCell } from './kernels/cells/gru-cell.js';
export { type LstmCellOptions, lstmCell } from './kernels/cells/lstm-cell.js';
export { rnnCell } from './kernels/cells/rnn-cell.js';
export { type CellSequenceInputs, type CellSequenceOutputs, cellSequence } from './kernels/cells/sequence.js';
export { type CtcLossInputs, ctcLoss } from './kernels/ctc/loss.js';
export { embeddingLookup } from './kernels/embedding/lookup.js';
export { minGruSequence } from './kernels/linear-recurrence/min-gru.js';
export { minLstmSequence } from './kernels/linear-recurrence/min-lstm.js';
export type { MinimalUnitInputs } from './kernels/linear-recurrence/minimal-unit.js';
export {
  type AdaptiveLayer,
  type AdaptiveTail,
  adaptiveCrossEntropy,
  adaptiveScores,
} from './kernels/output-layer/adaptive-cross-entropy.js';
export {
  type CandidateOptions,
  type Candidates,
  logUniformCandidates,
} from './kernels/sampled-softmax/candidates.js';
export { type SampledSoftmaxInputs, sampledSoftmaxCrossEntropy } from './kernels/sampled-softmax/sampled-softmax.js';
export { sparseSoftmaxCrossEntropy } from './kernels/softmax-cross-entropy/sparse.js';
export { sumOfSquares } from './kernels/sum-of-squares/sum-of-squares.js';
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
export { type Bleu, corpusBleu, tokenize13a } from './metrics/bleu.js';
export { accumulatedUpdateProgram, accumulationProgram, gradientSumShapes } from './models/accumulation-programs.js';
export { positionsOfTails, type Tail, tailPositions } from './models/adaptive-softmax.js';
export type {
  ForecasterConfig,
  SpeechRecognizerConfig,
  TextClassifierConfig,
  TranslationConfig,
} from './models/application-configs.js';
export {
  classifierEvaluationProgram,
  classifierLoss,
  classifierParameterShapes,
  classifierStateShapes,
  classifierStepProgram,
  type TextBatchShape,
} from './models/classifier.js';
export { slotName, slotShapes, type UpdateRecipe } from './models/clipped-update.js';
export { dropoutMaskShapes, fillDropoutMasks, type MaskedBatch } from './models/dropout-masks.js';
export {
  dynamicEvaluationProgram,
  dynamicRates,
  offsetShapes,
  rateShapes,
  squaredGradientProgram,
  squareShapes,
} from './models/dynamic-evaluation.js';
export {
  type ElmoSentences,
  elmoFeaturesProgram,
  elmoLoss,
  extractElmoFeatures,
} from './models/elmo.js';
export { elmoCharacters, type SpelledSentences } from './models/elmo-characters.js';
export {
  type ElmoConfig,
  type ElmoConvolution,
  elmoConfig,
  elmoMixShapes,
  elmoParameterShapes,
  initialElmoParameters,
} from './models/elmo-config.js';
export {
  forecasterLoss,
  forecasterParameterShapes,
  forecastProgram,
} from './models/forecaster.js';
export { graphOfProgram } from './models/graph-of-program.js';
export { initialParameters, uniformParameters } from './models/initial-parameters.js';
export {
  type LanguageModelMode,
  type LanguageModelState,
  RnnLanguageModel,
  type RnnLanguageModelOptions,
} from './models/language-model.js';
export {
  decodingProgram,
  evaluationProgram,
  gradientProgram,
  languageModelStepGraph,
  rowGradientProgram,
  trainingProgram,
} from './models/language-model-programs.js';
export { languageModelReadingGraph, readingProgram } from './models/language-model-reading.js';
export { forwardProgram, type LossFunction, lossTrainingProgram } from './models/loss-program.js';
export { lossScalingShapes, mixedTrainingProgram } from './models/mixed-training-program.js';
export { lossWithCache, type NeuralCacheShape, neuralCacheProgram, noFollower } from './models/neural-cache.js';
export type { PersonalizationGraphs, PersonalizationMethod } from './models/personalization-graphs.js';
export { personalizationGraphs } from './models/personalization-program.js';
export { type BatchShape, float32Inputs, type Precision, type Program } from './models/program.js';
export {
  recognitionProgram,
  recognizerFrames,
  recognizerLoss,
  recognizerOutputProgram,
  recognizerParameterShapes,
  recognizerStepProgram,
  type SpeechBatchShape,
} from './models/speech-recognizer.js';
export {
  initialTranslationParameters,
  type PairBatchShape,
  translationEvaluationProgram,
  translationLoss,
  translationParameterShapes,
} from './models/translation.js';
export { decoderStepProgram, encoderStepProgram } from './models/translation-steps.js';
export * from './onnx/index.js';
export { clipScale, optimizerUpdate } from './optimizers/optimizer.js';
export type { OptimizerInputs, OptimizerOutputs } from './optimizers/optimizer-tensors.js';
export { type DropoutMask, fillDropoutMask } from './random/dropout-mask.js';
export { type RecurrentNetworkInputs, type RecurrentNetworkOutputs, recurrentNetwork } from './recurrent/network.js';
export {
  type RecurrentNetworkConfig,
  recurrentNetworkConfig,
  recurrentParameterShapes,
  recurrentStateShapes,
} from './recurrent/network-config.js';
export { transposed, withGatesReordered } from './recurrent/torch-layout.js';
export { recurrentParametersFromTorch, type ShapedValues } from './recurrent/torch-parameters.js';
export { lengthMask } from './tensors/length-mask.js';
export type { NamedTensors } from './tensors/named-tensors.js';
export { TraceError } from './tracing/backend.js';
export { type TensorSpec, trace } from './tracing/trace.js';
