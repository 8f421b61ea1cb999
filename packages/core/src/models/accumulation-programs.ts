/**
 * A training step in parts: the engine adds up the gradients of one part of the batch after another, then makes one
 * update. A step then needs the memory of one part only. Its result equals that of the whole batch up to float32
 * rounding.
 */
import * as tf from '@tensorflow/tfjs-core';
import { asOutputs, divideOutputs } from '../tensors/roles.js';
import type { Shapes } from '../tensors/shapes.js';
import { clippedUpdate, iterates, slotShapes, type UpdateRecipe, updateInputs } from './clipped-update.js';
import { float32Inputs, type Program } from './program.js';

const sumName = (parameter: string) => `sum/${parameter}`;

/** The shapes of the gradients' sums by name; the sums are zero before the first part. */
export function gradientSumShapes(parameters: Shapes): Shapes {
  return Object.fromEntries(Object.entries(parameters).map(([name, shape]) => [sumName(name), shape]));
}

/**
 * A program of gradients for a part of the batch, at the parameters where the optimizer wants gradients. It outputs the
 * new sums `next.sum/*` instead of the gradients.
 * @param gradients the program that outputs `gradient.*` of all parameters for the part
 */
export function accumulationProgram(parameters: Shapes, gradients: Program, recipe: UpdateRecipe): Program {
  const { inputs, run } = gradients;
  return {
    inputs: { ...inputs, ...float32Inputs(gradientSumShapes(parameters)), ...slotsOf(parameters, recipe) },
    run: (named) => {
      const [ofPart, others] = divideOutputs('gradient', run({ ...named, ...iterates(parameters, recipe, named) }));
      const sums = Object.keys(parameters).map((name) => {
        return [sumName(name), tf.add(named[sumName(name)]!, ofPart[name]!)] as const;
      });
      return { ...others, ...asOutputs('next', Object.fromEntries(sums)) };
    },
  };
}

/** The update by the sums of gradients. Outputs `next.*` of parameters and slots, and `gradientNorm`, before clipping. */
export function accumulatedUpdateProgram(parameters: Shapes, recipe: UpdateRecipe): Program {
  return {
    inputs: {
      ...float32Inputs(parameters),
      ...float32Inputs(gradientSumShapes(parameters)),
      ...updateInputs(parameters, recipe),
    },
    run: (inputs) => {
      const names = Object.keys(parameters);
      return clippedUpdate(recipe, inputs, Object.fromEntries(names.map((name) => [name, inputs[sumName(name)]!])));
    },
  };
}

/** The slots that {@link iterates} reads. */
function slotsOf(parameters: Shapes, recipe: UpdateRecipe): Program['inputs'] {
  return recipe.optimizer.name === 'nt-asgd' ? float32Inputs(slotShapes(recipe.optimizer, parameters)) : {};
}
