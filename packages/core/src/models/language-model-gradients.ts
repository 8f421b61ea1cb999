/** Gradients of a language model's training loss. The embedding's gradient is kept as the rows that were looked up. */
import * as tf from '@tensorflow/tfjs-core';
import { sumRowsById } from '../kernels/embedding/lookup.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { asOutputs } from '../tensors/roles.js';
import { embeddingName, type LanguageModelConfig, parameterShapes } from './language-model-config.js';
import { embedTokens, recurrentFeatures } from './language-model-forward.js';
import { trainingLosses } from './training-losses.js';

/**
 * Gradients of the embeddings that were looked up, one row for each token, [time·batch, embedding], and the tokens'
 * ids.
 */
export interface EmbeddingRows {
  readonly gradients: tf.Tensor2D;
  readonly ids: tf.Tensor1D;
}

export interface Gradients {
  /**
   * By parameter. The embedding is included only if it also serves as output weights, and then with the gradient of
   * that use.
   */
  readonly dense: NamedTensors;
  readonly embeddingRows: EmbeddingRows;
}

/** Gradients by parameter, with the embedding's as a table. */
export function withEmbedding(config: LanguageModelConfig, { dense, embeddingRows }: Gradients): NamedTensors {
  const { gradients, ids } = embeddingRows;
  const table = sumRowsById(gradients, ids, [config.vocabSize, config.embeddingDim]);
  const shared = dense[embeddingName];
  return { ...dense, [embeddingName]: shared ? tf.add(shared, table) : table };
}

/**
 * Computes the values to minimise, [rows], from features [rows, output]. Its other results become outputs of the
 * program.
 */
export type ObjectivesOf = (
  config: LanguageModelConfig,
  parameters: NamedTensors,
  features: tf.Tensor2D,
  inputs: NamedTensors,
) => { readonly objectives: tf.Tensor1D; readonly [output: string]: tf.Tensor };

/**
 * Computes a batch's outputs and the gradients of its loss, by truncated back-propagation through time.
 * @param later gradients with respect to the state after the last step, by its names, from later steps; if given, the
 * gradients with respect to the state before the first step are computed too
 */
export function lossAndGradients(
  config: LanguageModelConfig,
  inputs: NamedTensors,
  objectivesOf: ObjectivesOf = trainingLosses,
  later: NamedTensors = {},
): { outputs: NamedTensors; gradients: Gradients; stateGradients: NamedTensors } {
  const names = Object.keys(parameterShapes(config)).filter((name) => name !== embeddingName || config.tieWeights);
  const stateNames = Object.keys(later);
  let outputs: NamedTensors = {};
  const loss = (embedded: tf.Tensor, ...values: tf.Tensor[]): tf.Scalar => {
    const parameters = Object.fromEntries(names.map((name, k) => [name, values[k]!]));
    const initial = stateNames.map((name, k) => [name, values[names.length + k]!] as const);
    const from = { ...inputs, ...Object.fromEntries(initial) };
    const { features, state } = recurrentFeatures(config, parameters, embedded as tf.Tensor3D, from, inputs);
    const { objectives, ...others } = objectivesOf(config, parameters, features, inputs);
    outputs = { ...asOutputs('next', state), ...others };
    // The gradient function disposes its own scope; keep the other results beyond it.
    for (const tensor of Object.values(outputs)) tf.keep(tensor);
    const laterTerms = stateNames.map((name) => tf.sum(tf.mul(state[name]!, later[name]!)));
    return laterTerms.reduce<tf.Scalar>((a, b) => tf.add(a, b), tf.sum(tf.mul(objectives, inputs.lossWeights!)));
  };
  const ids = inputs.ids as tf.Tensor2D;
  const differentiated = [...names, ...stateNames].map((name) => inputs[name]!);
  const [rows, ...values] = tf.grads(loss)([embedTokens(inputs, ids), ...differentiated]);
  for (const [name, kept] of Object.entries(outputs)) {
    outputs[name] = tf.clone(kept); // now in the caller's scope, like every other result
    kept.dispose();
  }
  const embeddingRows = {
    gradients: tf.reshape<tf.Rank.R2>(rows!, [ids.size, config.embeddingDim]),
    ids: tf.reshape<tf.Rank.R1>(ids, [ids.size]),
  };
  return {
    outputs,
    gradients: { dense: Object.fromEntries(names.map((name, k) => [name, values[k]!])), embeddingRows },
    stateGradients: Object.fromEntries(stateNames.map((name, k) => [name, values[names.length + k]!])),
  };
}
