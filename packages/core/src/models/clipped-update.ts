/** Turns gradients into new parameters inside a program: clipping by the global norm, then the optimizer. */
import * as tf from '@tensorflow/tfjs-core';
import { combineRows, replaceRows, sumOfSquaresOfRows } from '../kernels/embedding/rows.js';
import { sumOfSquares } from '../kernels/sum-of-squares/sum-of-squares.js';
import { iterate } from '../optimizers/averaged-sgd.js';
import { clipScale, optimizerUpdate } from '../optimizers/optimizer.js';
import { type OptimizerConfig, optimizerSlots } from '../optimizers/optimizer-config.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { nextOf, slotName } from '../tensors/roles.js';
import type { Shapes } from '../tensors/shapes.js';
import { embeddingName } from './language-model-config.js';
import type { EmbeddingRows } from './language-model-gradients.js';
import { float32Inputs, type Program } from './program.js';

/** The optimizer and the norm to which gradients are clipped. */
export interface UpdateRecipe {
  readonly optimizer: OptimizerConfig;
  readonly clipNorm: number;
}

/** The shapes of all slots of an optimizer, by name. */
export function slotShapes(optimizer: OptimizerConfig, parameters: Shapes): Shapes {
  return Object.fromEntries(
    optimizerSlots(optimizer).flatMap((slot) =>
      Object.entries(parameters).map(([name, shape]) => [slotName(slot, name), shape]),
    ),
  );
}

/** The inputs of an update besides parameters and gradients. */
export function updateInputs(parameters: Shapes, { optimizer }: UpdateRecipe): Program['inputs'] {
  const scalars = ['learningRate', 'step', ...(optimizer.name === 'nt-asgd' ? ['averagingWeight'] : [])];
  return float32Inputs({
    ...slotShapes(optimizer, parameters),
    ...Object.fromEntries(scalars.map((name) => [name, []])),
  });
}

/** The parameters at which the optimizer wants the gradient, if they are not the model's own; else none. */
export function iterates(parameters: Shapes, { optimizer }: UpdateRecipe, inputs: NamedTensors): NamedTensors {
  if (optimizer.name !== 'nt-asgd') return {};
  return Object.fromEntries(
    Object.keys(parameters).map((name) => [name, iterate(inputs[name]!, slotsOf(optimizer, name, inputs))]),
  );
}

function slotsOf(optimizer: OptimizerConfig, parameter: string, inputs: NamedTensors): NamedTensors {
  return Object.fromEntries(optimizerSlots(optimizer).map((slot) => [slot, inputs[slotName(slot, parameter)]!]));
}

/**
 * Updates the parameters that have gradients. Outputs `next.*` of them and of their slots, and `gradientNorm`, before
 * clipping.
 */
export function clippedUpdate(
  { optimizer, clipNorm }: UpdateRecipe,
  inputs: NamedTensors,
  gradients: NamedTensors,
  embeddingRows?: EmbeddingRows,
): NamedTensors {
  const combined =
    embeddingRows && combineRows(embeddingRows.gradients, embeddingRows.ids, inputs[embeddingName]!.shape[0]!);
  const squares = Object.values(gradients).map((gradient) => sumOfSquares(gradient));
  if (combined) squares.push(sumOfSquaresOfRows(embeddingRows.gradients, combined));
  const total = squares.reduce((sum, term) => tf.add(sum, term));
  const scale = clipScale(total, clipNorm);
  const update = (parameter: tf.Tensor, gradient: tf.Tensor, slots: NamedTensors) =>
    optimizerUpdate(optimizer, {
      parameter,
      gradient: tf.mul(gradient, scale),
      slots,
      learningRate: inputs.learningRate as tf.Scalar,
      step: inputs.step as tf.Scalar,
      averagingWeight: inputs.averagingWeight as tf.Scalar | undefined,
    });
  const outputs: NamedTensors = { gradientNorm: tf.sqrt(total) };
  for (const [name, gradient] of Object.entries(gradients)) {
    const updated = update(inputs[name]!, gradient, slotsOf(optimizer, name, inputs));
    outputs[nextOf(name)] = updated.parameter;
    for (const [slot, value] of Object.entries(updated.slots)) outputs[nextOf(slotName(slot, name))] = value;
  }
  if (combined) {
    const table = inputs[embeddingName] as tf.Tensor2D;
    const { ids } = embeddingRows;
    const tables = slotsOf(optimizer, embeddingName, inputs);
    const rows = Object.fromEntries(Object.entries(tables).map(([slot, values]) => [slot, tf.gather(values, ids)]));
    const updated = update(tf.gather(table, ids), combined, rows);
    outputs[nextOf(embeddingName)] = replaceRows(table, ids, updated.parameter as tf.Tensor2D);
    for (const [slot, values] of Object.entries(updated.slots)) {
      const replaced = replaceRows(tables[slot] as tf.Tensor2D, ids, values as tf.Tensor2D);
      outputs[nextOf(slotName(slot, embeddingName))] = replaced;
    }
  }
  return outputs;
}
