/**
 * `@unroll/core/internal`: what Unroll's other packages need and users do not. It may change with any version. Names and
 * shapes of configurations are in `config.ts`, graphs as data in `onnx/index.ts`.
 */

// Training.

export { accumulatedUpdateProgram, accumulationProgram, gradientSumShapes } from './models/accumulation-programs.js';
export { positionsOfTails, tailPositions } from './models/adaptive-softmax.js';
export { dropoutMaskShapes, fillDropoutMasks } from './models/dropout-masks.js';
export { rowGradientProgram } from './models/language-model-programs.js';
export { lossGradientProgram, updateProgram } from './models/loss-program.js';
export { lossScalingShapes, mixedTrainingProgram } from './models/mixed-training-program.js';
export { float32Inputs } from './models/program.js';
export { type BatchDimensions, type Trainable, trainableLoss } from './models/trainable.js';
export { trainableLanguageModel } from './models/trainable-language-model.js';
export { fillDropoutMask } from './random/dropout-mask.js';

// Evaluation of language models, and their graphs for devices.

export {
  dynamicEvaluationProgram,
  dynamicRates,
  offsetShapes,
  rateShapes,
  squaredGradientProgram,
  squareShapes,
} from './models/dynamic-evaluation.js';
export { languageModelReadingGraph, readsManyTokens } from './models/language-model-reading.js';
export { lossWithCache, neuralCacheProgram, noFollower } from './models/neural-cache.js';

// Programs of applications.

export { frameCount, framesOf, levelled, logMelConfig } from './audio/frames.js';
export { classifierEvaluationProgram, classifierParameterShapes, classifierStepProgram } from './models/classifier.js';
export { elmoStepProgram, elmoWordsProgram } from './models/elmo-steps.js';
export { forecasterParameterShapes, forecastProgram } from './models/forecaster.js';
export {
  recognitionProgram,
  recognizerFrames,
  recognizerOutputProgram,
  recognizerParameterShapes,
  recognizerStepProgram,
} from './models/speech-recognizer.js';
export {
  taggerDropoutWidths,
  taggerEvaluationProgram,
  taggerOutputProgram,
  taggerParameterShapes,
  taggerStepProgram,
} from './models/tagger.js';
export {
  initialTranslationParameters,
  translationEvaluationProgram,
  translationParameterShapes,
} from './models/translation.js';
export { decoderStepProgram, encoderStepProgram } from './models/translation-steps.js';

// Update rules.

export { clipScale, optimizerUpdate } from './optimizers/optimizer.js';

// Weights in PyTorch's layout.

export { transposed, withGatesReordered } from './recurrent/torch-layout.js';

// Conversion of whole models, in two steps.

export { encodeForOpset } from './conversion/opset.js';
export { convertedGraph } from './conversion/to-onnx.js';
export { withZeroInitializers } from './layers/zero-initializers.js';
