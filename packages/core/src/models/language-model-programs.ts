/** The programs of a language model: training, gradients for others to apply, evaluation, decoding. */
import * as tf from '@tensorflow/tfjs-core';
import type { OnnxGraph } from '../onnx/graph.js';
import { keepsWithoutGradient } from '../optimizers/optimizer-config.js';
import { asOutputs, gradientRowsOf } from '../tensors/roles.js';
import { clippedUpdate, iterates, type UpdateRecipe, updateInputs } from './clipped-update.js';
import { dropoutMaskShapes } from './dropout-masks.js';
import { graphOfProgram } from './graph-of-program.js';
import { embeddingName, type LanguageModelConfig, parameterShapes, stateShapes } from './language-model-config.js';
import { embedTokens, outputLogits, outputLosses, recurrentFeatures } from './language-model-forward.js';
import { withEmbedding } from './language-model-gradients.js';
import { type BatchShape, float32Inputs, type Program } from './program.js';
import { batchGradients } from './recomputed-gradients.js';
import { softmaxInputs } from './training-losses.js';

/**
 * A whole local training step: loss, gradients by truncated BPTT, clipping by global norm, optimizer.
 *
 * Inputs that the outputs replace: the parameters, the optimizer's slots and the state. Inputs of each step: `ids`
 * int32 [time, batch]; `targets` int32 [time·batch]; `lossWeights` [time·batch], each token's weight in the minimised
 * loss; those of `softmaxInputs`; the masks of `dropoutMaskShapes`; the scalars `learningRate` and `step` (1 for the
 * first); for NT-ASGD also the scalar `averagingWeight`. Outputs: `next.*` of parameters, slots and state,
 * `tokenLosses` [time·batch] in nats, and `gradientNorm`, before clipping.
 */
export function trainingProgram(config: LanguageModelConfig, shape: BatchShape, recipe: UpdateRecipe): Program {
  return {
    inputs: {
      ...gradientInputs(config, shape),
      ...updateInputs(parameterShapes(config), recipe),
    },
    run: (inputs) => {
      const learnt = { ...inputs, ...iterates(parameterShapes(config), recipe, inputs) };
      const { gradients, outputs } = batchGradients(config, shape, learnt);
      // If the optimizer changes only the embedding rows that were looked up, no table of gradients is built.
      const byRows = keepsWithoutGradient(recipe.optimizer) && !config.tieWeights;
      const update = byRows
        ? clippedUpdate(recipe, inputs, gradients.dense, gradients.embeddingRows)
        : clippedUpdate(recipe, inputs, withEmbedding(config, gradients));
      return { ...outputs, ...update };
    },
  };
}

/** Computes gradients: the training step's inputs without the optimizer's, and `gradient.*` outputs. */
export function gradientProgram(config: LanguageModelConfig, shape: BatchShape): Program {
  return {
    inputs: gradientInputs(config, shape),
    run: (inputs) => {
      const { gradients, outputs } = batchGradients(config, shape, inputs);
      return { ...outputs, ...asOutputs('gradient', withEmbedding(config, gradients)) };
    },
  };
}

/**
 * The program of a data-parallel worker: {@link gradientProgram}, except for an untied embedding x, nearly all of whose
 * gradient rows are zero. Its output is not `gradient.x` but `gradientRows.x` [time·batch, embedding], one row for each
 * of `ids`; the receiver adds up rows with the same id.
 */
export function rowGradientProgram(config: LanguageModelConfig, shape: BatchShape): Program {
  if (config.tieWeights) return gradientProgram(config, shape);
  return {
    inputs: gradientInputs(config, shape),
    run: (inputs) => {
      const { gradients, outputs } = batchGradients(config, shape, inputs);
      const { gradients: rows } = gradients.embeddingRows;
      return { ...outputs, ...asOutputs('gradient', gradients.dense), [gradientRowsOf(embeddingName)]: rows };
    },
  };
}

function gradientInputs(config: LanguageModelConfig, shape: BatchShape): Program['inputs'] {
  const rows = shape.time * shape.batch;
  return {
    ...float32Inputs(parameterShapes(config)),
    ...float32Inputs(stateShapes(config, shape.batch)),
    ids: { shape: [shape.time, shape.batch], dtype: 'int32' },
    targets: { shape: [rows], dtype: 'int32' },
    lossWeights: { shape: [rows], dtype: 'float32' },
    ...softmaxInputs(config, shape),
    ...float32Inputs(dropoutMaskShapes(config, shape.batch, shape.time)),
  };
}

/**
 * Scores text. Inputs: the parameters, `ids`, `targets` and the state. Outputs: `tokenLosses` [time·batch] in nats, the
 * `features` [time·batch, output] that they are computed from, and `next.*` of the state.
 */
export function evaluationProgram(config: LanguageModelConfig, { batch, time }: BatchShape): Program {
  return {
    inputs: {
      ...float32Inputs(parameterShapes(config)),
      ...float32Inputs(stateShapes(config, batch)),
      ids: { shape: [time, batch], dtype: 'int32' },
      targets: { shape: [time * batch], dtype: 'int32' },
    },
    run: (inputs) => {
      const embedded = embedTokens(inputs, inputs.ids as tf.Tensor2D);
      const { features, state } = recurrentFeatures(config, inputs, embedded, inputs);
      const tokenLosses = outputLosses(config, inputs, features, inputs.targets as tf.Tensor1D);
      return { ...asOutputs('next', state), tokenLosses, features };
    },
  };
}

/**
 * One decoding step. Inputs: the parameters, `ids` int32 [1] and the state, each [1, hidden]. Outputs: `logits` [1,
 * vocab] and `next.*` of the state.
 */
export function decodingProgram(config: LanguageModelConfig): Program {
  return {
    inputs: {
      ...float32Inputs(parameterShapes(config)),
      ...float32Inputs(stateShapes(config, 1)),
      ids: { shape: [1], dtype: 'int32' },
    },
    run: (inputs) => {
      const embedded = embedTokens(inputs, tf.reshape(inputs.ids!, [1, 1]));
      const { features, state } = recurrentFeatures(config, inputs, embedded, inputs);
      return { ...asOutputs('next', state), logits: outputLogits(config, inputs, features) };
    },
  };
}

/** The decoding step as an ONNX graph that contains its parameters, as initializers with their names. */
export function languageModelStepGraph(
  config: LanguageModelConfig,
  parameters: Readonly<Record<string, Float32Array>>,
): OnnxGraph {
  return graphOfProgram(decodingProgram(config), parameterShapes(config), parameters);
}
