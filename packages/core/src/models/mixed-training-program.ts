/**
 * The training step for mixed precision, with dynamic loss scaling (Micikevicius et al. 2018, "Mixed precision
 * training", section 3.2, with the rule of the frameworks). The loss is multiplied by a power of two so that gradients
 * do not vanish in float16. A step whose gradients overflow changes no parameter and halves the scale; 2000 good steps
 * in a row double it.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { divideOutputs, nextOf } from '../tensors/roles.js';
import type { Shapes } from '../tensors/shapes.js';
import { clippedUpdate, iterates, type UpdateRecipe } from './clipped-update.js';
import { type LanguageModelConfig, parameterShapes } from './language-model-config.js';
import { gradientProgram, trainingProgram } from './language-model-programs.js';
import type { BatchShape, Program } from './program.js';

const initialExponent = 16;
const stepsToDouble = 2000;
/** The largest norm whose square is a finite float32, rounded down. */
const largestNorm = 1.8e19;

const exponent = 'lossScaling/exponent';
const goodSteps = 'lossScaling/goodSteps';

/**
 * The state of loss scaling, zero at the start: log₂ of the scale minus 16, and the number of good steps since the
 * scale last changed.
 */
export const lossScalingShapes: Shapes = { [exponent]: [], [goodSteps]: [] };

/**
 * The training step of {@link trainingProgram} for engines that compute in mixed precision; these are the engines that
 * trace it. It has the same inputs and outputs, plus those of {@link lossScalingShapes}. `gradientNorm` is infinite or
 * NaN if the step was skipped; a skipped step counts in Adam's `step`.
 */
export function mixedTrainingProgram(config: LanguageModelConfig, shape: BatchShape, recipe: UpdateRecipe): Program {
  const { inputs } = trainingProgram(config, shape, recipe);
  const { run: runGradients } = gradientProgram(config, shape);
  const parameters = parameterShapes(config);
  const names = Object.keys(parameters);
  return {
    precision: 'mixed',
    inputs: {
      ...inputs,
      [exponent]: { shape: [], dtype: 'float32' },
      [goodSteps]: { shape: [], dtype: 'float32' },
    },
    run: (inputs) => {
      const lossScale = tf.pow(2, tf.add(inputs[exponent]!, initialExponent));
      const lossWeights = tf.mul(inputs.lossWeights!, lossScale);
      const scaled = runGradients({ ...inputs, ...iterates(parameters, recipe, inputs), lossWeights });
      const [ofScaled, outputs] = divideOutputs('gradient', scaled);
      const gradients = Object.fromEntries(names.map((name) => [name, tf.div(ofScaled[name]!, lossScale)]));
      const [updates, { gradientNorm }] = divideOutputs('next', clippedUpdate(recipe, inputs, gradients));
      const good = tf.lessEqual(gradientNorm!, largestNorm);
      for (const [name, updated] of Object.entries(updates)) {
        outputs[nextOf(name)] = choose(good, updated, inputs[name]!);
      }
      return { ...outputs, ...nextLossScaling(inputs, good), gradientNorm: gradientNorm! };
    },
  };
}

function nextLossScaling(inputs: NamedTensors, good: tf.Tensor): NamedTensors {
  const counted = tf.add(inputs[goodSteps]!, 1);
  const doubles = tf.greaterEqual(counted, stepsToDouble);
  const grown = tf.add(inputs[exponent]!, tf.cast(doubles, 'float32'));
  const zero = tf.scalar(0);
  return {
    [nextOf(exponent)]: choose(good, grown, tf.sub(inputs[exponent]!, 1)),
    [nextOf(goodSteps)]: choose(good, choose(doubles, zero, counted), zero),
  };
}

/**
 * Selects one of two whole tensors by a scalar. tf.where would first broadcast the condition to their shape. Works only
 * in a trace.
 */
function choose(condition: tf.Tensor, t: tf.Tensor, e: tf.Tensor): tf.Tensor {
  return tf.engine().runKernel(tf.Select, { condition, t, e });
}
