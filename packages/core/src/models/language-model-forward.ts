/** The recurrent language model as a pure function of its parameters: what trains, what is traced, what ships. */
import * as tf from '@tensorflow/tfjs-core';
import { embeddingLookup } from '../kernels/embedding/lookup.js';
import { gruSequence } from '../kernels/gru/sequence.js';
import { lstmSequence } from '../kernels/lstm/sequence.js';
import { linearCrossEntropy } from '../kernels/output-layer/linear-cross-entropy.js';
import { rnnSequence } from '../kernels/rnn/sequence.js';
import { flattenSteps } from '../kernels/time-steps.js';
import type { LanguageModelConfig } from './language-model-config.js';

export type NamedTensors = Record<string, tf.Tensor>;

/** The embedding's parameter, which a model with tied weights also scores words with. */
export const embeddingName = 'embedding.embeddings';

/** The embeddings of `ids` int32 [time, batch]: [time, batch, embedding]. */
export function embedTokens(parameters: NamedTensors, ids: tf.Tensor2D): tf.Tensor3D {
  return embeddingLookup(parameters[embeddingName] as tf.Tensor2D, ids) as tf.Tensor3D;
}

/**
 * Runs the recurrent layers.
 * @param embedded [time, batch, embedding]
 * @param state tensors named as by `stateShapes`
 * @param masks one for each of `dropoutWidths`, [time·batch, width], zero or 1/(1 − dropout); none to run without dropout
 * @returns `features` [time·batch, hidden], time-major, and the state after the last step
 */
export function recurrentFeatures(
  config: LanguageModelConfig,
  parameters: NamedTensors,
  embedded: tf.Tensor3D,
  state: NamedTensors,
  masks: readonly tf.Tensor[] = [],
): { features: tf.Tensor2D; state: NamedTensors } {
  const [time, batch] = embedded.shape;
  const dropped = (rows: tf.Tensor, site: number) => (masks[site] ? tf.mul(rows, masks[site]) : rows);
  let rows = dropped(flattenSteps(embedded), 0); // [time·batch, features]
  const nextState: NamedTensors = {};
  for (let layer = 0; layer < config.layers; layer++) {
    const x = tf.reshape(rows, [time, batch, rows.shape[1]!]);
    const outputs = runLayer(config, parameters, layer, x, state, nextState);
    rows = dropped(flattenSteps(outputs), layer + 1);
  }
  return { features: rows as tf.Tensor2D, state: nextState };
}

/** One recurrent layer over x [time, batch, input]; puts its last state into `nextState`. */
function runLayer(
  { cell, recurrentBias }: LanguageModelConfig,
  parameters: NamedTensors,
  layer: number,
  x: tf.Tensor,
  state: NamedTensors,
  nextState: NamedTensors,
): tf.Tensor {
  const parameter = (name: string) => parameters[`${cell}.${layer}.${name}`]!;
  const inputs = {
    x,
    kernel: parameter('kernel'),
    recurrentKernel: parameter('recurrent_kernel'),
    bias: recurrentBias && cell !== 'gru' ? tf.add(parameter('bias'), parameter('recurrent_bias')) : parameter('bias'),
    initialHidden: state[`h.${layer}`]!,
  };
  switch (cell) {
    case 'rnn': {
      const { outputs, hidden } = rnnSequence(inputs);
      nextState[`h.${layer}`] = hidden;
      return outputs;
    }
    case 'gru': {
      const { outputs, hidden } = gruSequence({ ...inputs, recurrentBias: parameter('recurrent_bias') });
      nextState[`h.${layer}`] = hidden;
      return outputs;
    }
    case 'lstm': {
      const { outputs, hidden, cell: lastCell } = lstmSequence({ ...inputs, initialCell: state[`c.${layer}`]! });
      nextState[`h.${layer}`] = hidden;
      nextState[`c.${layer}`] = lastCell;
      return outputs;
    }
  }
}

/** Scores of all words from features [rows, hidden]: [rows, vocab]. */
export function outputLogits(
  { tieWeights }: LanguageModelConfig,
  parameters: NamedTensors,
  features: tf.Tensor2D,
): tf.Tensor2D {
  const product = tieWeights
    ? tf.matMul(features, parameters[embeddingName]!, false, true)
    : tf.matMul(features, parameters['output.kernel']!);
  return tf.add(product, parameters['output.bias']!) as tf.Tensor2D;
}

/**
 * The cross-entropy of the words that follow, from features [rows, hidden].
 * @param targets int32 [rows]
 * @returns [rows], in nats
 */
export function outputLosses(
  { tieWeights }: LanguageModelConfig,
  parameters: NamedTensors,
  features: tf.Tensor2D,
  targets: tf.Tensor1D,
): tf.Tensor1D {
  const weights = parameters[tieWeights ? embeddingName : 'output.kernel']!;
  return linearCrossEntropy({ features, weights, bias: parameters['output.bias']!, targets }, tieWeights);
}
