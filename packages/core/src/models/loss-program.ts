/**
 * Trains any model that is a loss over named parameters and a batch, as one program: loss, gradients, clipping and
 * optimizer. Language models have their own programs in `language-model-programs.ts`, which carry state and treat the
 * embedding separately.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../tensors/named-tensors.js';
import type { Shapes } from '../tensors/shapes.js';
import type { TensorSpec } from '../tracing/trace.js';
import { clippedUpdate, slotShapes, type UpdateRecipe } from './clipped-update.js';
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
 * One training step.
 *
 * Inputs: the parameters, the optimizer's slots, the batch, and the scalars `learningRate` and `step` (1 for the first).
 * Outputs: `next.*` of parameters and slots, the scalar `loss`, and `gradientNorm`, before clipping.
 *
 * @throws Error for NT-ASGD, whose average needs a weight at each step, which only the training of language models
 * provides
 */
export function lossTrainingProgram({ parameters, inputs, loss }: LossFunction, recipe: UpdateRecipe): Program {
  if (recipe.optimizer.name === 'nt-asgd') {
    throw new Error('lossTrainingProgram: nt-asgd averages only language models; give another optimizer');
  }
  const names = Object.keys(parameters);
  return {
    inputs: {
      ...float32Inputs(parameters),
      ...float32Inputs(slotShapes(recipe.optimizer, parameters)),
      ...inputs,
      learningRate: { shape: [], dtype: 'float32' },
      step: { shape: [], dtype: 'float32' },
    },
    run: (given) => {
      const lossOf = (...values: tf.Tensor[]) =>
        loss(Object.fromEntries(names.map((name, k) => [name, values[k]!])), given);
      const { value, grads } = tf.valueAndGrads(lossOf)(names.map((name) => given[name]!));
      const gradients = Object.fromEntries(names.map((name, k) => [name, grads[k]!]));
      return { ...clippedUpdate(recipe, given, gradients), loss: value };
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
