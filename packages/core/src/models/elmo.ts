/**
 * ELMo (Peters et al. 2018, "Deep contextualized word representations"). Words are read by their characters. A forward
 * and a backward language model have two LSTMs with projection each, the second with a skip connection around it. A
 * task's features are its own weighted sum of the layers. Sizes and parameters are in `elmo-config.ts`, word vectors in
 * `elmo-words.ts`, characters as ids in `elmo-characters.ts`.
 */
import * as tf from '@tensorflow/tfjs-core';
import { linearCrossEntropy } from '../kernels/output-layer/linear-cross-entropy.js';
import { runLayer } from '../recurrent/layer.js';
import { zeroStates } from '../recurrent/network.js';
import { layerDirections, type RecurrentNetworkConfig } from '../recurrent/network-config.js';
import { lengthMask } from '../tensors/length-mask.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { assertShapes } from '../tensors/named-tensors.js';
import type { Shapes } from '../tensors/shapes.js';
import type { TensorSpec } from '../tracing/trace.js';
import { type ElmoConfig, elmoMixShapes, elmoNetwork, elmoParameterShapes } from './elmo-config.js';
import { wordVectors } from './elmo-words.js';
import { forwardProgram, type LossFunction } from './loss-program.js';
import type { BatchShape, Program } from './program.js';

/** Sentences in the form that `elmoCharacters` returns. */
export interface ElmoSentences {
  /** int32 [batch, time, maxCharacters] */
  readonly characters: tf.Tensor;
  /** int32 [batch], each in [0, time]; `characters` after a sentence's end have no influence. */
  readonly lengths: tf.Tensor;
}

/**
 * Computes a vector for each word in its sentence, by eq. 1 of the paper: γ Σ_j softmax(s)_j h_j. The h_j are the word
 * vectors, each concatenated with itself, and the two layers, forward beside backward. Differentiable by every
 * parameter that it reads.
 * @param parameters those of `elmoParameterShapes` except `output.*`, and s and γ, those of `elmoMixShapes`
 * @returns [batch, time, 2·projectionDim]; zero after a sentence's end
 * @throws RangeError naming a parameter or input that is missing or has another shape
 */
export function extractElmoFeatures(
  config: ElmoConfig,
  parameters: NamedTensors,
  { characters, lengths }: ElmoSentences,
): tf.Tensor3D {
  const [batch = 0, time = 0] = characters.shape;
  assertShapes('extractElmoFeatures', { characters, lengths }, sentenceShapes(config, { batch, time }));
  assertShapes('extractElmoFeatures', parameters, featureParameterShapes(config));
  const layers = bidirectionalLayers(config, parameters, { characters, lengths });
  const joined = layers.map(({ forward, backward }) => tf.concat([forward, backward], 2));
  const mixed = mix(joined, parameters['mix.weights']!, parameters['mix.gamma']!);
  return tf.transpose(tf.mul(mixed, tf.expandDims(lengthMask(lengths, time), 2)), [1, 0, 2]) as tf.Tensor3D;
}

/**
 * {@link extractElmoFeatures} as a program: takes `characters` and `lengths`, outputs `features` [batch, time,
 * 2·projectionDim].
 */
export function elmoFeaturesProgram(config: ElmoConfig, shape: BatchShape): Program {
  return forwardProgram(featureParameterShapes(config), sentenceInputs(config, shape), (parameters, inputs) => ({
    features: extractElmoFeatures(config, parameters, inputs as NamedTensors & ElmoSentences),
  }));
}

/**
 * The mean cross-entropy of the words, in nats. One output layer predicts each word from the words before it and from
 * the words after it. This is the paper's joint log likelihood, section 3.1, divided by the number of its terms.
 *
 * The batch: `characters` int32 [batch, time, maxCharacters], `lengths` int32 [batch], and `words` int32 [batch, time],
 * the vocabulary ids of the same words.
 *
 * @throws RangeError if `time` leaves nothing to predict
 */
export function elmoLoss(config: ElmoConfig, shape: BatchShape): LossFunction {
  const { batch, time } = shape;
  if (time < 2) throw new RangeError(`ELMo predicts words from their neighbours: time must be at least 2, got ${time}`);
  return {
    parameters: elmoParameterShapes(config),
    inputs: { ...sentenceInputs(config, shape), words: { shape: [batch, time], dtype: 'int32' } },
    loss: (parameters, { characters, lengths, words }) => {
      const layers = bidirectionalLayers(config, parameters, { characters: characters!, lengths: lengths! });
      const { forward, backward } = layers.at(-1)!;
      const ids = tf.transpose(words!); // [time, batch]
      const after = lengthMask(tf.sub(lengths!, tf.scalar(1, 'int32')), time - 1); // one where a next word exists, [time − 1, batch]
      const losses = linearCrossEntropy({
        features: tf.concat([rows(forward, 0, time - 1), rows(backward, 1, time - 1)]),
        weights: parameters['output.kernel']!,
        bias: parameters['output.bias']!,
        targets: tf.concat([rows(ids, 1, time - 1), rows(ids, 0, time - 1)]),
      });
      const counted = tf.tile(tf.reshape(after, [batch * (time - 1)]), [2]);
      return tf.div(tf.sum(tf.mul(losses, counted)), tf.maximum(tf.sum(counted), 1)) as tf.Scalar;
    },
  };
}

interface Layer {
  /** [time, batch, projectionDim] */
  readonly forward: tf.Tensor;
  readonly backward: tf.Tensor;
}

/** The word vectors, which both directions read, and the outputs of the LSTMs. */
function bidirectionalLayers(
  config: ElmoConfig,
  parameters: NamedTensors,
  { characters, lengths }: ElmoSentences,
): readonly Layer[] {
  const [batch = 0, time = 0] = characters.shape;
  const timeMajor = tf.transpose(characters, [1, 0, 2]);
  const spelled = tf.reshape<tf.Rank.R2>(timeMajor, [time * batch, config.maxCharacters]);
  const vectors = tf.reshape(wordVectors(config, parameters, spelled), [time, batch, config.projectionDim]);
  const mask = lengthMask(lengths, time);
  const forward = lstmOutputs(elmoNetwork(config, 'forward'), parameters, vectors, mask);
  const [reversed, reversedMask] = [tf.reverse(vectors, 0), tf.reverse(mask, 0)];
  const backward = lstmOutputs(elmoNetwork(config, 'backward'), parameters, reversed, reversedMask).map((outputs) =>
    tf.reverse(outputs, 0),
  );
  return [
    { forward: vectors, backward: vectors },
    ...forward.map((outputs, k) => ({ forward: outputs, backward: backward[k]! })),
  ];
}

/**
 * Runs one direction's LSTMs, outputs each [time, batch, projectionDim]; every layer except the first adds its input to
 * its output.
 */
function lstmOutputs(
  network: RecurrentNetworkConfig,
  parameters: NamedTensors,
  x: tf.Tensor,
  mask: tf.Tensor,
): tf.Tensor[] {
  const state = zeroStates(network, x.shape[1]!);
  let input = x;
  return layerDirections(network).map((layer, k) => {
    const { outputs } = runLayer(network, parameters, layer, { x: input, state, mask });
    input = k === 0 ? outputs : tf.add(outputs, input);
    return input;
  });
}

/** Computes γ Σ_j softmax(s)_j h_j for layers h of equal shape. */
function mix(layers: readonly tf.Tensor[], weights: tf.Tensor, gamma: tf.Tensor): tf.Tensor {
  const shares = tf.reshape<tf.Rank.R2>(tf.softmax(weights), [1, layers.length]);
  const stacked = tf.reshape<tf.Rank.R2>(tf.stack([...layers]), [layers.length, layers[0]!.size]);
  return tf.mul(tf.reshape(tf.matMul(shares, stacked), layers[0]!.shape), gamma);
}

/** Takes `count` steps from `first` of a sequence [time, batch, …] as rows [count·batch, …]. */
function rows(sequence: tf.Tensor, first: number, count: number): tf.Tensor {
  const [, batch = 0, ...rest] = sequence.shape;
  const begin = [first, 0, ...rest.map(() => 0)];
  return tf.reshape(tf.slice(sequence, begin, [count, batch, ...rest]), [count * batch, ...rest]);
}

function featureParameterShapes(config: ElmoConfig): Shapes {
  const { 'output.kernel': _kernel, 'output.bias': _bias, ...read } = elmoParameterShapes(config);
  return { ...read, ...elmoMixShapes };
}

function sentenceInputs(config: ElmoConfig, shape: BatchShape): Record<string, TensorSpec> {
  const { characters, lengths } = sentenceShapes(config, shape);
  return { characters: { shape: characters, dtype: 'int32' }, lengths: { shape: lengths, dtype: 'int32' } };
}

function sentenceShapes({ maxCharacters }: ElmoConfig, { batch, time }: BatchShape) {
  return { characters: [batch, time, maxCharacters], lengths: [batch] };
}
