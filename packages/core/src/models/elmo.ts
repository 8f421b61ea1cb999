/**
 * ELMo (Peters et al. 2018, "Deep contextualized word representations"). Words are read by their characters. A forward
 * and a backward language model have two LSTMs with projection each, the second with a skip connection around it. A
 * task's features are its own weighted sum of the layers. Sizes and parameters are in `elmo-config.ts`, word vectors in
 * `elmo-words.ts`, characters as ids in `text/elmo-characters.ts`; `elmo-steps.ts` runs the model word by word.
 */
import * as tf from '@tensorflow/tfjs-core';
import { linearCrossEntropy } from '../kernels/output-layer/linear-cross-entropy.js';
import { type LayerInputs, runLayer } from '../recurrent/layer.js';
import { layerDirections } from '../recurrent/network-config.js';
import { lengthMask } from '../tensors/length-mask.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { assertShapes } from '../tensors/named-tensors.js';
import type { Shapes } from '../tensors/shapes.js';
import type { TensorSpec } from '../tracing/trace.js';
import { type ElmoConfig, elmoMixShapes, elmoNetwork, elmoParameterShapes, elmoStateShapes } from './elmo-config.js';
import { wordVectors } from './elmo-words.js';
import { forwardProgram, type LossFunction } from './loss-program.js';
import type { BatchShape, Program } from './program.js';

/** Sentences in the form that `elmoCharacters` returns. */
export interface ElmoSentences {
  /** int32 [batch, time, maxCharacters] */
  readonly characters: tf.Tensor;
  /** int32 [batch], each in [0, time]; `characters` after a sentence's end have no influence. */
  readonly lengths: tf.Tensor;
  /**
   * The states before the sentences, by the names of `elmoStateShapes`; default zeros. The published model goes on from
   * the states after the previous batch.
   */
  readonly state?: NamedTensors | undefined;
}

export interface ElmoLayers {
  /**
   * The word vectors, each concatenated with itself, then the outputs of each LSTM layer, forward beside backward: each
   * [batch, time, 2·projectionDim], zero after a sentence's end.
   */
  readonly layers: readonly tf.Tensor3D[];
  /** The states after the sentences, named as before them: the forward ones after the last word, the backward ones after the first. */
  readonly state: NamedTensors;
}

/**
 * Computes every layer of the bidirectional language model. Differentiable by every parameter that it reads.
 * @param parameters those of `elmoParameterShapes` except `output.*`
 * @throws RangeError naming a parameter or input that is missing or has another shape
 */
export function elmoLayers(config: ElmoConfig, parameters: NamedTensors, sentences: ElmoSentences): ElmoLayers {
  requireSentences('elmoLayers', config, sentences);
  assertShapes('elmoLayers', parameters, encoderParameterShapes(config));
  const { layers, state } = bidirectionalLayers(config, parameters, sentences);
  return { layers: joinedLayers(layers).map((layer) => batchMajor(layer, sentences.lengths)), state };
}

/**
 * Computes a vector for each word in its sentence, by eq. 1 of the paper: γ Σ_j softmax(s)_j h_j. The h_j are the layers
 * of {@link elmoLayers}. Differentiable by every parameter that it reads.
 * @param parameters those of `elmoParameterShapes` except `output.*`, and s and γ, those of `elmoMixShapes`
 * @returns [batch, time, 2·projectionDim]; zero after a sentence's end
 * @throws RangeError naming a parameter or input that is missing or has another shape
 */
export function extractElmoFeatures(
  config: ElmoConfig,
  parameters: NamedTensors,
  sentences: ElmoSentences,
): tf.Tensor3D {
  requireSentences('extractElmoFeatures', config, sentences);
  assertShapes('extractElmoFeatures', parameters, featureParameterShapes(config));
  const { layers } = bidirectionalLayers(config, parameters, sentences);
  const mixed = mix(joinedLayers(layers), parameters['mix.weights']!, parameters['mix.gamma']!);
  return batchMajor(mixed, sentences.lengths);
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
 * @throws RangeError if `time` leaves nothing to predict, or the model has no output layer
 */
export function elmoLoss(config: ElmoConfig, shape: BatchShape): LossFunction {
  const { batch, time } = shape;
  if (config.vocabSize === undefined) {
    throw new RangeError('elmoLoss: the configuration has no vocabSize, so the model predicts no words; give it');
  }
  if (time < 2) throw new RangeError(`ELMo predicts words from their neighbours: time must be at least 2, got ${time}`);
  return {
    parameters: elmoParameterShapes(config),
    inputs: { ...sentenceInputs(config, shape), words: { shape: [batch, time], dtype: 'int32' } },
    loss: (parameters, { characters, lengths, words }) => {
      const { layers } = bidirectionalLayers(config, parameters, { characters: characters!, lengths: lengths! });
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

/** Computes the word vectors, which both directions read, and the outputs of the LSTMs. */
function bidirectionalLayers(
  config: ElmoConfig,
  parameters: NamedTensors,
  { characters, lengths, state }: ElmoSentences,
): { readonly layers: readonly Layer[]; readonly state: NamedTensors } {
  const [batch = 0, time = 0] = characters.shape;
  const timeMajor = tf.transpose(characters, [1, 0, 2]);
  const spelled = tf.reshape<tf.Rank.R2>(timeMajor, [time * batch, config.maxCharacters]);
  const vectors = tf.reshape(wordVectors(config, parameters, spelled), [time, batch, config.projectionDim]);
  const mask = lengthMask(lengths, time);
  const initial = state ?? zeros(elmoStateShapes(config, batch));
  const forward = stackedLstms(config, 'forward', parameters, { x: vectors, state: initial, mask });
  const [reversed, reversedMask] = [tf.reverse(vectors, 0), tf.reverse(mask, 0)];
  const backward = stackedLstms(config, 'backward', parameters, { x: reversed, state: initial, mask: reversedMask });
  const layers = [
    { forward: vectors, backward: vectors },
    ...forward.outputs.map((outputs, k) => ({ forward: outputs, backward: tf.reverse(backward.outputs[k]!, 0) })),
  ];
  return { layers, state: { ...forward.state, ...backward.state } };
}

/**
 * Runs one direction's LSTMs over x; every layer except the first adds its input to its output.
 * @param state by the names of `elmoStateShapes`; the other direction's is ignored
 * @returns the outputs of each layer, [time, batch, projectionDim], and this direction's states after the last step
 */
export function stackedLstms(
  config: ElmoConfig,
  direction: 'forward' | 'backward',
  parameters: NamedTensors,
  { x, state, mask }: LayerInputs,
): { readonly outputs: readonly tf.Tensor[]; readonly state: NamedTensors } {
  const network = elmoNetwork(config, direction);
  const own = Object.entries(state).filter(([name]) => name.startsWith(`${direction}.`));
  const initial = Object.fromEntries(own.map(([name, tensor]) => [name.slice(direction.length + 1), tensor]));
  const last: NamedTensors = {};
  let input = x;
  const outputs = layerDirections(network).map((layer, k) => {
    const after = runLayer(network, parameters, layer, { x: input, state: initial, mask });
    for (const [name, tensor] of Object.entries(after.state)) last[`${direction}.${name}`] = tensor;
    input = k === 0 ? after.outputs : tf.add(after.outputs, input);
    return input;
  });
  return { outputs, state: last };
}

function zeros(shapes: Shapes): NamedTensors {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, tf.zeros([...shape])]));
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

/** The layers with both directions side by side, each [time, batch, 2·projectionDim]. */
function joinedLayers(layers: readonly Layer[]): readonly tf.Tensor[] {
  return layers.map(({ forward, backward }) => tf.concat([forward, backward], 2));
}

/** [time, batch, width] as [batch, time, width], zero after each sentence's end. */
function batchMajor(layer: tf.Tensor, lengths: tf.Tensor): tf.Tensor3D {
  const mask = tf.expandDims(lengthMask(lengths, layer.shape[0]!), 2);
  return tf.transpose(tf.mul(layer, mask), [1, 0, 2]) as tf.Tensor3D;
}

function requireSentences(caller: string, config: ElmoConfig, { characters, lengths, state }: ElmoSentences): void {
  const [batch = 0, time = 0] = characters.shape;
  assertShapes(caller, { characters, lengths }, sentenceShapes(config, { batch, time }));
  if (state) assertShapes(caller, state, elmoStateShapes(config, batch));
}

function featureParameterShapes(config: ElmoConfig): Shapes {
  return { ...encoderParameterShapes(config), ...elmoMixShapes };
}

function encoderParameterShapes(config: ElmoConfig): Shapes {
  return elmoParameterShapes({ ...config, vocabSize: undefined });
}

function sentenceInputs(config: ElmoConfig, shape: BatchShape): Record<string, TensorSpec> {
  const { characters, lengths } = sentenceShapes(config, shape);
  return { characters: { shape: characters, dtype: 'int32' }, lengths: { shape: lengths, dtype: 'int32' } };
}

function sentenceShapes({ maxCharacters }: ElmoConfig, { batch, time }: BatchShape) {
  return { characters: [batch, time, maxCharacters], lengths: [batch] };
}
