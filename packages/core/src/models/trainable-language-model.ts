/** A language model as a trainable model. */
import { tailPositions } from './adaptive-softmax.js';
import {
  type LanguageModelConfig,
  outputLayerShapes,
  parameterShapes,
  softmaxTails,
  stateShapes,
} from './language-model-config.js';
import { gradientProgram, rowGradientProgram, trainingProgram } from './language-model-programs.js';
import { mixedTrainingProgram } from './mixed-training-program.js';
import type { BatchShape, Precision } from './program.js';
import type { BatchDimensions, Trainable } from './trainable.js';

export interface TrainableOptions {
  /** The precision of updates; default float32. */
  readonly precision?: Precision | undefined;
  /** See {@link BatchShape.recomputeEvery}. */
  readonly recomputeEvery?: number | undefined;
}

/**
 * Returns a language model as a trainable model. Its batches have the dimensions `batch` and `time`; their inputs and
 * losses are those of `trainingProgram`.
 */
export function trainableLanguageModel(
  config: LanguageModelConfig,
  { precision = 'float32', recomputeEvery }: TrainableOptions = {},
): Trainable {
  const shapeOf = ({ batch, time }: BatchDimensions, room?: readonly number[]): BatchShape => ({
    ...{ batch: batch!, time: time!, recomputeEvery },
    tailCapacities: room,
  });
  const update = precision === 'mixed' ? mixedTrainingProgram : trainingProgram;
  return {
    parameters: parameterShapes(config),
    stateShapes: (lanes) => stateShapes(config, lanes),
    updateProgram: (shape, recipe, room) => update(config, shapeOf(shape, room), recipe),
    gradientProgram: (shape, room) => gradientProgram(config, shapeOf(shape, room)),
    rowGradientProgram: (shape, room) => rowGradientProgram(config, shapeOf(shape, room)),
    lists: softmaxTails(config).map(tailPositions),
    ...(hasOwnOutputLayer(config) && recomputeEvery === undefined
      ? { outputLayer: Object.keys(outputLayerShapes(config)) }
      : {}),
  };
}

/** Whether the output layer has weights of its own, all of one size. */
function hasOwnOutputLayer({ tieWeights, softmax }: LanguageModelConfig): boolean {
  return !tieWeights && softmax?.name !== 'adaptive';
}
