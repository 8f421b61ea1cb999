/**
 * A training step in parts: the engine adds up the gradients of one part of the batch after another, then makes one
 * update. A step then needs the memory of one part only. Its result equals that of the whole batch up to float32
 * rounding.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Shapes } from '../tensors/shapes.js';
import { clippedUpdate, iterates, slotShapes, type UpdateRecipe, updateInputs } from './clipped-update.js';
import { type LanguageModelConfig, parameterShapes } from './language-model-config.js';
import { gradientProgram } from './language-model-programs.js';
import { type BatchShape, float32Inputs, type Program } from './program.js';

const sumName = (parameter: string) => `sum/${parameter}`;

/** The shapes of the gradients' sums by name; the sums are zero before the first part. */
export function gradientSumShapes(config: LanguageModelConfig): Shapes {
  return Object.fromEntries(Object.entries(parameterShapes(config)).map(([name, shape]) => [sumName(name), shape]));
}

/**
 * `gradientProgram` for a part of the batch, at the parameters where the optimizer wants gradients. It outputs the new
 * sums `next.sum/*` instead of the gradients.
 */
export function accumulationProgram(config: LanguageModelConfig, part: BatchShape, recipe: UpdateRecipe): Program {
  const { inputs, run } = gradientProgram(config, part);
  return {
    inputs: { ...inputs, ...sumsOf(config), ...slotsOf(config, recipe) },
    run: (named) => {
      const outputs = run({ ...named, ...iterates(config, recipe, named) });
      for (const name of Object.keys(parameterShapes(config))) {
        outputs[`next.${sumName(name)}`] = tf.add(named[sumName(name)]!, outputs[`gradient.${name}`]!);
        delete outputs[`gradient.${name}`];
      }
      return outputs;
    },
  };
}

/**
 * The update of `trainingProgram` by the sums of gradients. Outputs `next.*` of parameters and slots, and
 * `gradientNorm`, before clipping.
 */
export function accumulatedUpdateProgram(config: LanguageModelConfig, recipe: UpdateRecipe): Program {
  return {
    inputs: { ...parametersOf(config), ...sumsOf(config), ...updateInputs(config, recipe) },
    run: (inputs) => {
      const names = Object.keys(parameterShapes(config));
      return clippedUpdate(recipe, inputs, Object.fromEntries(names.map((name) => [name, inputs[sumName(name)]!])));
    },
  };
}

const parametersOf = (config: LanguageModelConfig) => float32Inputs(parameterShapes(config));
const sumsOf = (config: LanguageModelConfig) => float32Inputs(gradientSumShapes(config));

/** The slots that {@link iterates} reads. */
function slotsOf(config: LanguageModelConfig, recipe: UpdateRecipe): Program['inputs'] {
  return recipe.optimizer.name === 'nt-asgd'
    ? float32Inputs(slotShapes(recipe.optimizer, parameterShapes(config)))
    : {};
}
