/**
 * A sequence tagger: embeddings of words and of their spellings, a bidirectional LSTM, a linear layer, and a
 * conditional random field over the tags: Huang, Xu and Yu (2015), "Bidirectional LSTM-CRF Models for Sequence
 * Tagging". Reading sentences and finding the best tags (`decoding/viterbi.ts`) is left to the caller.
 */

import * as tf from '@tensorflow/tfjs-core';
import { crfLoss } from '../kernels/crf/loss.js';
import { embeddingLookup } from '../kernels/embedding/lookup.js';
import { stepFromBothEnds } from '../recurrent/both-ends.js';
import { recurrentNetwork } from '../recurrent/network.js';
import {
  type RecurrentNetworkConfig,
  recurrentNetworkConfig,
  recurrentParameterShapes,
  recurrentStateShapes,
} from '../recurrent/network-config.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { asOutputs } from '../tensors/roles.js';
import type { Shapes } from '../tensors/shapes.js';
import type { TensorSpec } from '../tracing/trace.js';
import type { TaggerConfig } from './application-configs.js';
import { forwardProgram, type LossFunction } from './loss-program.js';
import { type BatchShape, float32Inputs, type Program } from './program.js';

/** Width of a spelling's embedding: that of capitalisation in Collobert et al. (2011), rounded up. */
const spellingDim = 8;

/**
 * The parameters' shapes by name: `embedding.embeddings`, `spelling.embeddings`, `lstm.0.*`, `lstm.0_reverse.*`,
 * `output.kernel`, `output.bias`, `crf.transitions` (row: a tag; column: the next one), `crf.start`, `crf.stop`.
 */
export function taggerParameterShapes(config: TaggerConfig): Shapes {
  const { vocabSize, spellings, embeddingDim, hiddenDim, tags } = config;
  return {
    'embedding.embeddings': [vocabSize, embeddingDim],
    'spelling.embeddings': [spellings, spellingDim],
    ...recurrentParameterShapes(networkOf(config)),
    'output.kernel': [2 * hiddenDim, tags],
    'output.bias': [tags],
    'crf.transitions': [tags, tags],
    'crf.start': [tags],
    'crf.stop': [tags],
  };
}

/** The width of each step's dropout masks: of the LSTM's input, and of its output. */
export function taggerDropoutWidths({ embeddingDim, hiddenDim }: TaggerConfig): readonly [number, number] {
  return [embeddingDim + spellingDim, 2 * hiddenDim];
}

/**
 * The negative log-likelihood of a batch's tags, in nats.
 *
 * The batch: `ids` and `spellings` int32 [time, batch], `lengths` int32 [batch], `tags` int32 [time, batch], `weights`
 * [batch] (the weight of each sentence in the sum). With dropout also the masks `dropout.0` and `dropout.1`,
 * [time·batch, width], of {@link taggerDropoutWidths}.
 */
export function taggerLoss(config: TaggerConfig, shape: BatchShape): LossFunction {
  const { batch, time } = shape;
  const [inputWidth, outputWidth] = taggerDropoutWidths(config);
  const masks = { 'dropout.0': [time * batch, inputWidth], 'dropout.1': [time * batch, outputWidth] };
  return {
    parameters: taggerParameterShapes(config),
    inputs: {
      ...sentenceInputs(shape),
      tags: { shape: [time, batch], dtype: 'int32' },
      weights: { shape: [batch], dtype: 'float32' },
      ...(config.dropout > 0 ? float32Inputs(masks) : {}),
    },
    loss: (parameters, inputs) => {
      const losses = crfLoss({
        emissions: batchEmissions(config, parameters, inputs),
        tags: inputs.tags as tf.Tensor2D,
        lengths: inputs.lengths as tf.Tensor1D,
        ...scoresOfPaths(parameters),
      });
      return tf.sum(tf.mul(losses, inputs.weights!));
    },
  };
}

/**
 * Scores a batch: takes `ids`, `spellings` and `lengths`, outputs `emissions` [time, batch, tags] and what else a
 * decoder needs: `transitions` [tags, tags], `start` [tags] and `stop` [tags].
 */
export function taggerEvaluationProgram(config: TaggerConfig, shape: BatchShape): Program {
  return forwardProgram(taggerParameterShapes(config), sentenceInputs(shape), (parameters, inputs) => {
    const { transitions, start, stop } = scoresOfPaths(parameters);
    return {
      emissions: batchEmissions(config, parameters, inputs),
      transitions: tf.clone(transitions),
      start: tf.clone(start),
      stop: tf.clone(stop),
    };
  });
}

/** The random field's own parameters, by the names of its loss. */
function scoresOfPaths(parameters: NamedTensors) {
  return {
    transitions: parameters['crf.transitions'] as tf.Tensor2D,
    start: parameters['crf.start'] as tf.Tensor1D,
    stop: parameters['crf.stop'] as tf.Tensor1D,
  };
}

/**
 * One step through a sentence from both its ends. Inputs: `ids` and `spellings` int32 [2], of the next word from the
 * front and from the back, and the state. Outputs: `features.0` and `features.0_reverse` [1, hidden] of those words,
 * and `next.*` of the state.
 */
export function taggerStepProgram(config: TaggerConfig): Program {
  const inputs: Record<string, TensorSpec> = {
    ids: { shape: [2], dtype: 'int32' },
    spellings: { shape: [2], dtype: 'int32' },
    ...float32Inputs(recurrentStateShapes(networkOf(config), 1)),
  };
  return forwardProgram(taggerParameterShapes(config), inputs, (parameters, given) => {
    const state = stepFromBothEnds(networkOf(config), parameters, embedded(parameters, given), given);
    return { 'features.0': state['h.0']!, 'features.0_reverse': state['h.0_reverse']!, ...asOutputs('next', state) };
  });
}

/**
 * The output layer for one word: takes its `features` [1, 2·hidden], from the front and from the back, outputs its
 * `emissions` [1, tags].
 */
export function taggerOutputProgram(config: TaggerConfig): Program {
  const features = float32Inputs({ features: [1, 2 * config.hiddenDim] });
  return forwardProgram(taggerParameterShapes(config), features, (parameters, given) => ({
    emissions: linear(parameters, given.features!),
  }));
}

function batchEmissions(config: TaggerConfig, parameters: NamedTensors, inputs: NamedTensors): tf.Tensor3D {
  const [time = 0, batch = 0] = inputs.ids!.shape;
  const [inputWidth, outputWidth] = taggerDropoutWidths(config);
  const x = tf.reshape(dropped(embedded(parameters, inputs), inputs['dropout.0']), [time, batch, inputWidth]);
  const { outputs } = recurrentNetwork(networkOf(config), parameters, x, { lengths: inputs.lengths! });
  const features = dropped(tf.reshape(outputs, [time * batch, outputWidth]), inputs['dropout.1']);
  return tf.reshape(linear(parameters, features), [time, batch, config.tags]);
}

/** The embeddings of words and spellings, side by side, a row for each word. */
function embedded(parameters: NamedTensors, { ids, spellings }: NamedTensors): tf.Tensor {
  const rows = (table: string, of: tf.Tensor) =>
    embeddingLookup(parameters[`${table}.embeddings`] as tf.Tensor2D, tf.reshape(of, [of.size]));
  return tf.concat([rows('embedding', ids!), rows('spelling', spellings!)], 1);
}

function linear(parameters: NamedTensors, features: tf.Tensor): tf.Tensor2D {
  return tf.add(tf.matMul(features as tf.Tensor2D, parameters['output.kernel']!), parameters['output.bias']!);
}

function sentenceInputs({ batch, time }: BatchShape): Record<string, TensorSpec> {
  return {
    ids: { shape: [time, batch], dtype: 'int32' },
    spellings: { shape: [time, batch], dtype: 'int32' },
    lengths: { shape: [batch], dtype: 'int32' },
  };
}

function networkOf(config: TaggerConfig): RecurrentNetworkConfig {
  const [inputDim] = taggerDropoutWidths(config);
  return recurrentNetworkConfig({ cell: 'lstm', inputDim, hiddenDim: config.hiddenDim, bidirectional: true });
}

function dropped(x: tf.Tensor, mask: tf.Tensor | undefined): tf.Tensor {
  return mask ? tf.mul(x, mask) : x;
}
