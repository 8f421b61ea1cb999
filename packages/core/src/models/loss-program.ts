/**
 * Trains any model that is a loss over named parameters and a batch, as one program: loss, gradients, clipping and
 * optimizer. Language models have their own programs in `language-model-programs.ts`, which carry state and treat the
 * embedding separately.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { divideOutputs, gradientOf } from '../tensors/roles.js';
import type { Shapes } from '../tensors/shapes.js';
import type { TensorSpec } from '../tracing/trace.js';
import { clippedUpdate, iterates, type UpdateRecipe, updateInputs } from './clipped-update.js';
import { float32Inputs, type Program } from './program.js';

/** A loss to minimise. */
export interface LossFunction {
  readonly parameters: Shapes;
  /** The inputs that make up a batch. */
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  /** Computes the scalar to minimise. Differentiable by every parameter. */
  readonly loss: (parameters: NamedTensors, batch: NamedTensors) => tf.Scalar;
}

/**
 * One training step: {@link updateProgram} of {@link lossGradientProgram}.
 */
export function lossTrainingProgram(loss: LossFunction, recipe: UpdateRecipe): Program {
  return updateProgram(loss.parameters, lossGradientProgram(loss), recipe);
}

/**
 * One training step from a program of gradients.
 *
 * Inputs: those of `gradients`, the optimizer's slots, the scalars `learningRate` and `step` (1 for the first) and, for
 * NT-ASGD, `averagingWeight`. Outputs: those of `gradients` without `gradient.*`, `next.*` of parameters and slots, and
 * `gradientNorm`, before clipping.
 *
 * @param gradients takes the parameters, and outputs `gradient.*` of all
 */
export function updateProgram(parameters: Shapes, gradients: Program, recipe: UpdateRecipe): Program {
  return {
    inputs: { ...gradients.inputs, ...updateInputs(parameters, recipe) },
    run: (given) => {
      const outputs = gradients.run({ ...given, ...iterates(parameters, recipe, given) });
      const [found, others] = divideOutputs('gradient', outputs);
      const ofParameters = Object.fromEntries(Object.keys(parameters).map((name) => [name, found[name]!]));
      return { ...others, ...clippedUpdate(recipe, given, ofParameters) };
    },
  };
}

/** Computes gradients for others to apply: takes parameters and batch, outputs `gradient.*` and the scalar `loss`. */
export function lossGradientProgram({ parameters, inputs, loss }: LossFunction): Program {
  return {
    inputs: { ...float32Inputs(parameters), ...inputs },
    run: (given) => {
      const names = Object.keys(parameters);
      const lossOf = (...values: tf.Tensor[]) =>
        loss(Object.fromEntries(names.map((name, k) => [name, values[k]!])), given);
      const { value, grads } = tf.valueAndGrads(lossOf)(names.map((name) => given[name]!));
      return { ...Object.fromEntries(names.map((name, k) => [gradientOf(name), grads[k]!])), loss: value };
    },
  };
}

/** A program without training: a model's outputs over a batch. */
export function forwardProgram(
  parameters: Shapes,
  inputs: Readonly<Record<string, TensorSpec>>,
  outputs: (parameters: NamedTensors, batch: NamedTensors) => NamedTensors,
): Program {
  return { inputs: { ...float32Inputs(parameters), ...inputs }, run: (given) => outputs(given, given) };
}
