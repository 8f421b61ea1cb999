/**
 * An encoder-decoder for translation. A bidirectional LSTM reads the source. An LSTM writes the target and attends to
 * the source by global attention (Luong et al. 2015, section 3.1), without input feeding, so that training computes all
 * steps by matrix products. The decoder's state starts from the last state of the encoder's reverse direction, as in
 * Bahdanau et al. (2015), appendix A.2.2. Source, target and output layer share a vocabulary and its embedding (Press
 * and Wolf 2017, three-way tying).
 */
import * as tf from '@tensorflow/tfjs-core';
import { globalAttention } from '../kernels/attention/global-attention.js';
import { embeddingLookup } from '../kernels/embedding/lookup.js';
import { linearCrossEntropy } from '../kernels/output-layer/linear-cross-entropy.js';
import { recurrentNetwork } from '../recurrent/network.js';
import {
  type RecurrentNetworkConfig,
  recurrentNetworkConfig,
  recurrentParameterShapes,
} from '../recurrent/network-config.js';
import { lengthMask } from '../tensors/length-mask.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import type { Shapes } from '../tensors/shapes.js';
import type { TensorSpec } from '../tracing/trace.js';
import type { TranslationConfig } from './application-configs.js';
import { uniformParameters } from './initial-parameters.js';
import { forwardProgram, type LossFunction } from './loss-program.js';
import { float32Inputs, type Program } from './program.js';

/** Number of sentence pairs in a batch, and tokens of the source and target sentences. */
export interface PairBatchShape {
  readonly batch: number;
  readonly source: number;
  readonly target: number;
}

const embeddingName = 'embedding.embeddings';

/** The parameters' shapes by name. */
export function translationParameterShapes(config: TranslationConfig): Shapes {
  const { vocabSize, embeddingDim, hiddenDim } = config;
  return {
    [embeddingName]: [vocabSize, embeddingDim],
    ...recurrentParameterShapes(encoderOf(config)),
    'bridge.kernel': [hiddenDim, hiddenDim],
    'bridge.bias': [hiddenDim],
    ...recurrentParameterShapes(decoderOf(config)),
    'attention.kernel': [hiddenDim, 2 * hiddenDim],
    'combination.kernel': [3 * hiddenDim, embeddingDim],
    'output.bias': [vocabSize],
  };
}

/**
 * Draws initial parameters: matrices uniform in ±√(3/n), where n is the number of features that an output sums over, so
 * that signals keep their size (LeCun et al. 1998, section 4.6), and zero biases.
 * @param seed an integer in [0, 2^53)
 */
export function initialTranslationParameters(
  config: TranslationConfig,
  seed: number,
): Record<string, Float32Array<ArrayBuffer>> {
  const drawn = Object.entries(translationParameterShapes(config)).map(([name, shape]) => {
    const summedOver = name === embeddingName ? config.embeddingDim : shape[0]!;
    return uniformParameters({ [name]: shape }, { seed, range: shape.length === 1 ? 0 : Math.sqrt(3 / summedOver) });
  });
  return Object.assign({}, ...drawn);
}

/** The mean cross-entropy of the target tokens, in nats. */
export function translationLoss(config: TranslationConfig, shape: PairBatchShape): LossFunction {
  const { embeddingDim } = config;
  const rows = [shape.target * shape.batch, embeddingDim];
  const masks = { 'dropout.0': [shape.source * shape.batch, embeddingDim], 'dropout.1': rows, 'dropout.2': rows };
  return {
    parameters: translationParameterShapes(config),
    inputs: {
      ...pairInputs(shape),
      weights: { shape: [shape.target * shape.batch], dtype: 'float32' },
      ...(config.dropout > 0 ? float32Inputs(masks) : {}),
    },
    loss: (parameters, inputs) => tf.sum(tf.mul(tokenLosses(config, parameters, inputs), inputs.weights!)),
  };
}

/**
 * Scores a batch as {@link translationLoss} takes it, without weights and masks: outputs `tokenLosses` [target·batch]
 * in nats.
 */
export function translationEvaluationProgram(config: TranslationConfig, shape: PairBatchShape): Program {
  return forwardProgram(translationParameterShapes(config), pairInputs(shape), (parameters, inputs) => ({
    tokenLosses: tokenLosses(config, parameters, inputs),
  }));
}

function tokenLosses(config: TranslationConfig, parameters: NamedTensors, inputs: NamedTensors): tf.Tensor1D {
  const { source, sourceLengths, previous, targets } = inputs;
  const x = embedded(config, parameters[embeddingName]!, source!, inputs['dropout.0']);
  const { outputs, state } = recurrentNetwork(encoderOf(config), parameters, x, { lengths: sourceLengths! });
  const hidden = initialHidden(parameters, state['h.0_reverse']!);
  const y = embedded(config, parameters[embeddingName]!, previous!, inputs['dropout.1']);
  const { features } = decode(config, parameters, {
    y,
    state: { 'h.0': hidden, 'c.0': tf.zerosLike(hidden) },
    memory: tf.transpose(outputs, [1, 0, 2]),
    mask: tf.transpose(lengthMask(sourceLengths!, source!.shape[0]!)),
  });
  const weights = parameters[embeddingName]!;
  const dropped = inputs['dropout.2'] ? tf.mul(features, inputs['dropout.2']) : features;
  return linearCrossEntropy({ features: dropped, weights, bias: parameters['output.bias']!, targets: targets! }, true);
}

interface Decoding {
  /** Embedded tokens, [target, batch, embedding]. */
  readonly y: tf.Tensor;
  readonly state: NamedTensors;
  /** [batch, source, 2·hidden] */
  readonly memory: tf.Tensor3D;
  /** [batch, source] */
  readonly mask: tf.Tensor2D;
}

/**
 * Runs the decoder. Returns the output layer's input, [target·batch, embedding]: tanh of the decoder's output combined
 * with its context.
 */
export function decode(
  config: TranslationConfig,
  parameters: NamedTensors,
  { y, state, memory, mask }: Decoding,
): { features: tf.Tensor2D; state: NamedTensors } {
  const { hiddenDim } = config;
  const [time = 0, batch = 0] = y.shape;
  const decoder = recurrentNetwork(decoderOf(config), parameters, y, { state });
  const kernel = parameters['attention.kernel'] as tf.Tensor2D;
  const queries = tf.transpose(decoder.outputs, [1, 0, 2]);
  const { contexts } = globalAttention({ queries, memory, mask, kernel });
  const timeMajor = tf.transpose(contexts, [1, 0, 2]);
  const both = tf.concat([timeMajor, decoder.outputs], 2);
  const rows = tf.reshape(both, [time * batch, 3 * hiddenDim]);
  return { features: tf.tanh(tf.matMul(rows as tf.Tensor2D, parameters['combination.kernel']!)), state: decoder.state };
}

/** Computes the decoder's first hidden state from the last one of the encoder's reverse direction, [batch, hidden]. */
export function initialHidden(parameters: NamedTensors, reverse: tf.Tensor): tf.Tensor2D {
  return tf.tanh(tf.add(tf.matMul(reverse as tf.Tensor2D, parameters['bridge.kernel']!), parameters['bridge.bias']!));
}

function embedded(config: TranslationConfig, table: tf.Tensor, ids: tf.Tensor, mask: tf.Tensor | undefined): tf.Tensor {
  const rows = embeddingLookup(table as tf.Tensor2D, tf.reshape(ids, [ids.size]));
  return tf.reshape(mask ? tf.mul(rows, mask) : rows, [...ids.shape, config.embeddingDim]);
}

function pairInputs({ batch, source, target }: PairBatchShape): Record<string, TensorSpec> {
  return {
    source: { shape: [source, batch], dtype: 'int32' },
    sourceLengths: { shape: [batch], dtype: 'int32' },
    previous: { shape: [target, batch], dtype: 'int32' },
    targets: { shape: [target * batch], dtype: 'int32' },
  };
}

/** The network that reads the source. */
export function encoderOf({ embeddingDim, hiddenDim }: TranslationConfig): RecurrentNetworkConfig {
  const sizes = { inputDim: embeddingDim, hiddenDim };
  return recurrentNetworkConfig({ name: 'encoder', cell: 'lstm', ...sizes, bidirectional: true });
}

function decoderOf({ embeddingDim, hiddenDim }: TranslationConfig): RecurrentNetworkConfig {
  return recurrentNetworkConfig({ name: 'decoder', cell: 'lstm', inputDim: embeddingDim, hiddenDim });
}
