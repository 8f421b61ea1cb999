/** The gradients of a language model's training loss, those of the embedding by the rows that were looked up. */
import * as tf from '@tensorflow/tfjs-core';
import { sumRowsById } from '../kernels/embedding/lookup.js';
import { embeddingName, type LanguageModelConfig, parameterShapes } from './language-model-config.js';
import { embedTokens, type NamedTensors, recurrentFeatures } from './language-model-forward.js';
import { next } from './program.js';
import { trainingLosses } from './training-losses.js';

/** Of the embeddings that were looked up, one a token: their gradients [time·batch, embedding] and whose they are. */
export interface EmbeddingRows {
  readonly gradients: tf.Tensor2D;
  readonly ids: tf.Tensor1D;
}

export interface Gradients {
  /** By parameter; of the embedding only if it has a second use, as the output's weights, and then of that use. */
  readonly dense: NamedTensors;
  readonly embeddingRows: EmbeddingRows;
}

/** Gradients by parameter, the embedding's as a table. */
export function withEmbedding(config: LanguageModelConfig, { dense, embeddingRows }: Gradients): NamedTensors {
  const { gradients, ids } = embeddingRows;
  const table = sumRowsById(gradients, ids, [config.vocabSize, config.embeddingDim]);
  const shared = dense[embeddingName];
  return { ...dense, [embeddingName]: shared ? tf.add(shared, table) : table };
}

/** What is minimised, [rows], from features [rows, output]; what stands beside it is for the program's outputs. */
export type ObjectivesOf = (
  config: LanguageModelConfig,
  parameters: NamedTensors,
  features: tf.Tensor2D,
  inputs: NamedTensors,
) => { readonly objectives: tf.Tensor1D; readonly [output: string]: tf.Tensor };

/**
 * The loss of a batch by truncated back-propagation through time: what else it computes, and the gradients.
 * @param later of the state after the last step, by its names: its gradients by what comes then; if given, those of the state
 * before the first step are computed too
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
    outputs = { ...next(state), ...others };
    // What is differentiated lives in a scope of its own, which the other results must outlive.
    for (const tensor of Object.values(outputs)) tf.keep(tensor);
    const laterTerms = stateNames.map((name) => tf.sum(tf.mul(state[name]!, later[name]!)));
    return laterTerms.reduce<tf.Scalar>((a, b) => tf.add(a, b), tf.sum(tf.mul(objectives, inputs.lossWeights!)));
  };
  const ids = inputs.ids as tf.Tensor2D;
  const differentiated = [...names, ...stateNames].map((name) => inputs[name]!);
  const [rows, ...values] = tf.grads(loss)([embedTokens(inputs, ids), ...differentiated]);
  for (const [name, kept] of Object.entries(outputs)) {
    outputs[name] = tf.clone(kept); // of the caller's scope, like every other result
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
