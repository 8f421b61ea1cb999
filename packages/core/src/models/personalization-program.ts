/**
 * Training steps with which a device adapts a finished model to its owner. They train all parameters, low-rank
 * adapters, or the output's bias alone. Parameters that a method does not train are inputs too, which the device can
 * make constants.
 */
import * as tf from '@tensorflow/tfjs-core';
import { defaultOptimizer } from '../optimizers/optimizer-config.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { adaptersOf, nextOf } from '../tensors/roles.js';
import type { Shapes } from '../tensors/shapes.js';
import { trace } from '../tracing/trace.js';
import { clippedUpdate, slotShapes, type UpdateRecipe } from './clipped-update.js';
import { type LanguageModelConfig, parameterShapes, stateShapes } from './language-model-config.js';
import { embedTokens, outputLosses, recurrentFeatures } from './language-model-forward.js';
import { decodingProgram } from './language-model-programs.js';
import type { PersonalizationGraphs, PersonalizationMethod } from './personalization-graphs.js';
import { type BatchShape, float32Inputs, type Program } from './program.js';

const rank = 8;

/**
 * Small enough for a phone. Half of the lanes are for the owner's text, half for text that the model must not forget.
 */
const deviceBatch: BatchShape = { batch: 8, time: 16 };

const recipe: UpdateRecipe = { optimizer: defaultOptimizer('adam'), clipNorm: 1 };

/** The graphs that a bundle needs for personalizing its model. They have no dropout. */
export function personalizationGraphs(config: LanguageModelConfig): PersonalizationGraphs {
  const traced = ({ run, inputs }: Program) => trace(run, inputs);
  const training = (method: PersonalizationMethod) => traced(personalizationProgram(config, deviceBatch, method));
  return {
    step: traced(decodingProgram(config)),
    training: { full: training('full'), adapters: training('adapters'), 'output-bias': training('output-bias') },
  };
}

/**
 * The shapes of the parameters that a method trains, by name. A matrix W [rows, columns] has the factors `W.down`
 * [rows, rank] and `W.up` [rank, columns]; W + down·up replaces it.
 */
export function personalizedShapes(config: LanguageModelConfig, method: PersonalizationMethod): Shapes {
  const shapes = parameterShapes(config);
  if (method === 'full') return shapes;
  const bias = { 'output.bias': shapes['output.bias']! };
  return method === 'adapters' ? { ...adapterShapes(shapes), ...bias } : bias;
}

/**
 * One training step like `trainingProgram`, with Adam and without dropout. It updates the parameters that `method`
 * trains and outputs their `next.*` and slots. It only reads the other parameters.
 */
export function personalizationProgram(
  config: LanguageModelConfig,
  shape: BatchShape,
  method: PersonalizationMethod,
): Program {
  const trained = personalizedShapes(config, method);
  const names = Object.keys(trained);
  const rows = shape.time * shape.batch;
  return {
    inputs: {
      ...float32Inputs(parameterShapes(config)),
      ...float32Inputs(stateShapes(config, shape.batch)),
      ids: { shape: [shape.time, shape.batch], dtype: 'int32' },
      targets: { shape: [rows], dtype: 'int32' },
      lossWeights: { shape: [rows], dtype: 'float32' },
      ...float32Inputs(trained),
      ...float32Inputs(slotShapes(recipe.optimizer, trained)),
      learningRate: { shape: [], dtype: 'float32' },
      step: { shape: [], dtype: 'float32' },
    },
    run: (inputs) => {
      let outputs: NamedTensors = {};
      const loss = (...values: tf.Tensor[]): tf.Scalar => {
        const own = Object.fromEntries(names.map((name, k) => [name, values[k]!]));
        const parameters = withAdapters({ ...inputs, ...own }, Object.keys(parameterShapes(config)));
        const embedded = embedTokens(parameters, inputs.ids as tf.Tensor2D);
        const { features, state } = recurrentFeatures(config, parameters, embedded, inputs);
        const tokenLosses = outputLosses(config, parameters, features, inputs.targets as tf.Tensor1D);
        outputs = { tokenLosses };
        for (const name of Object.keys(stateShapes(config, shape.batch))) outputs[nextOf(name)] = state[name]!;
        // The gradient function disposes its own scope; keep the other results beyond it.
        for (const tensor of Object.values(outputs)) tf.keep(tensor);
        return tf.sum(tf.mul(tokenLosses, inputs.lossWeights!));
      };
      const values = tf.grads(loss)(names.map((name) => inputs[name]!));
      const gradients = Object.fromEntries(names.map((name, k) => [name, values[k]!]));
      return { ...outputs, ...clippedUpdate(recipe, inputs, gradients) };
    },
  };
}

function adapterShapes(shapes: Shapes): Shapes {
  const factors: Record<string, readonly number[]> = {};
  for (const [name, [rows, columns]] of Object.entries(shapes)) {
    if (columns === undefined) continue;
    const width = Math.min(rank, rows!, columns);
    const { down, up } = adaptersOf(name);
    factors[down] = [rows!, width];
    factors[up] = [width, columns];
  }
  return factors;
}

function withAdapters(values: NamedTensors, names: readonly string[]): NamedTensors {
  const adapted = (name: string) => {
    const names = adaptersOf(name);
    const [down, up] = [values[names.down], values[names.up]];
    return down && up ? tf.add(values[name]!, tf.matMul(down, up)) : values[name]!;
  };
  return Object.fromEntries(names.map((name) => [name, adapted(name)]));
}
