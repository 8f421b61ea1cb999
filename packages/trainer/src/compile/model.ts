/**
 * A common interface for both kinds of models that can be compiled: a model of TensorFlow.js's layers, or a function
 * over tensors.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { UnrollError } from '../errors.js';

/**
 * Computes predictions from a batch: one tensor or several, as passed to the step. The function may close over
 * tf.Variables. In training, `training` is true.
 */
export type ModelFunction = (
  inputs: tf.Tensor | tf.Tensor[],
  mode: { readonly training: boolean },
) => tf.Tensor | tf.Tensor[];

export interface Model {
  readonly forward: (inputs: tf.Tensor[], training: boolean) => tf.Tensor[];
  /** Returns scalars that are added to the loss: those of the regularizers. */
  readonly penalties: () => tf.Scalar[];
  /** Whether the model takes batches as `fit` does. */
  readonly isLayersModel: boolean;
  /** The variables to train; undefined for every trainable variable on which the loss depends. */
  readonly trainable: tf.Variable[] | undefined;
}

/**
 * Wraps a model.
 * @throws UnrollError for a model that carries state from batch to batch, or that has no weights yet
 */
export function modelOf(model: LayersModel | ModelFunction): Model {
  if (typeof model === 'function') {
    return {
      forward: (inputs, training) => {
        const outputs: unknown = model(oneOrAll(inputs), { training });
        if (outputs instanceof Promise) {
          outputs.catch(() => {}); // what it would say comes too late
          throw new UnrollError('the model is an async function; give one that returns its tensors at once');
        }
        return [outputs as tf.Tensor | tf.Tensor[]].flat();
      },
      penalties: () => [],
      isLayersModel: false,
      trainable: undefined,
    };
  }
  if (model.inputs === undefined || model.inputs.length === 0) {
    throw new UnrollError(`model '${model.name}' is not built; give its first layer an inputShape`);
  }
  if (model.stateful) {
    throw new UnrollError(
      `model '${model.name}' has stateful layers, which cannot be compiled; pass their states as inputs of a function`,
    );
  }
  return {
    forward: (inputs, training) => {
      if (inputs.length !== model.inputs.length) {
        throw new UnrollError(
          `model '${model.name}' has ${model.inputs.length} inputs, and ${inputs.length} tensors were given; give one for each`,
        );
      }
      // As `fit` does.
      const columns = inputs.map((input) => (input.rank === 1 ? tf.expandDims(input, 1) : input));
      return [apply(model, columns, training)].flat();
    },
    penalties: () => model.calculateLosses(),
    isLayersModel: true,
    trainable: model.trainableWeights.map((weight) => weight.read() as tf.Variable),
  };
}

function apply(model: LayersModel, inputs: tf.Tensor[], training: boolean): tf.Tensor | tf.Tensor[] {
  const outputs: tf.Tensor | tf.Tensor[] | SymbolicTensor | SymbolicTensor[] = model.apply(oneOrAll(inputs), {
    training,
  });
  return outputs as tf.Tensor | tf.Tensor[];
}

export function oneOrAll<T>(values: T[]): T | T[] {
  return values.length === 1 ? values[0]! : values;
}
