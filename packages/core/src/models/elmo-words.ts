/**
 * ELMo's word vectors from characters: convolutions of several widths, the maximum of each feature over the word,
 * highway layers and a projection (Kim et al. 2016, section 2; Józefowicz et al. 2016, section 3.1). The vectors do not
 * depend on neighbouring words.
 */
import * as tf from '@tensorflow/tfjs-core';
import { embeddingLookup } from '../kernels/embedding/lookup.js';
import { maxOverAxis } from '../kernels/max-over-axis/max-over-axis.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import type { ElmoConfig } from './elmo-config.js';

/**
 * Computes word vectors.
 * @param characters int32 [words, maxCharacters]; padding is a character like others, as in the published model
 * @returns [words, projectionDim]
 */
export function wordVectors(config: ElmoConfig, parameters: NamedTensors, characters: tf.Tensor2D): tf.Tensor2D {
  const features = config.convolutions.map(({ width }, k) => convolution(parameters, k, characters, width));
  let rows = tf.concat(features, 1); // [words, features]
  for (let k = 0; k < config.highwayLayers; k++) rows = highway(parameters, `highway.${k}`, rows);
  return linear(parameters, 'projection', rows);
}

/**
 * [words, features]: relu of each feature's maximum over the word. It looks up windows of ids instead of cutting
 * windows from embeddings. This copies a `characterDim`-th of the values and is one product on every backend, gradients
 * included.
 */
function convolution(parameters: NamedTensors, k: number, characters: tf.Tensor2D, width: number): tf.Tensor2D {
  const [words, length] = characters.shape;
  const places = length - width + 1;
  const shifted = Array.from({ length: width }, (_, first) => tf.slice(characters, [0, first], [words, places]));
  const table = parameters['characters.embeddings'] as tf.Tensor2D;
  const windows = embeddingLookup(table, tf.stack(shifted, 2)); // [words, places, width, characterDim]
  const rows = tf.reshape<tf.Rank.R2>(windows, [words * places, width * table.shape[1]]);
  const convolved = linear(parameters, `convolution.${k}`, rows);
  return tf.relu(maxOverAxis(tf.reshape(convolved, [words, places, convolved.shape[1]]), 1) as tf.Tensor2D);
}

/** y = t∘relu(W_h·x + b_h) + (1 − t)∘x with t = σ(W_t·x + b_t): Srivastava et al. (2015), eq. 3. */
function highway(parameters: NamedTensors, name: string, x: tf.Tensor2D): tf.Tensor2D {
  const [transform, gate] = tf.split(linear(parameters, name, x), 2, 1);
  const t = tf.sigmoid(gate!);
  return tf.add(tf.mul(t, tf.relu(transform!)), tf.mul(tf.sub(1, t), x));
}

function linear(parameters: NamedTensors, name: string, x: tf.Tensor2D): tf.Tensor2D {
  return tf.add(tf.matMul(x, parameters[`${name}.kernel`]!), parameters[`${name}.bias`]!);
}
