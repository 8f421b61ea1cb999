/**
 * A speech recognizer: log-mel features of frames, a bidirectional LSTM, and a linear layer over the alphabet and the
 * blank. It is trained by connectionist temporal classification (Graves et al. 2006; Graves and Schmidhuber 2005). The
 * features are part of the model, so a device computes the features that training used. Reading recordings and spelling
 * letters is left to the caller.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type LogMelConfig, logMelConfig } from '../audio/frames.js';
import { logMel } from '../audio/log-mel.js';
import { ctcLoss } from '../kernels/ctc/loss.js';
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
import type { SpeechRecognizerConfig } from './application-configs.js';
import { forwardProgram, type LossFunction } from './loss-program.js';
import { float32Inputs, type Program } from './program.js';

/** The size of a batch: number of recordings, frames of the longest one, letters of the longest transcript. */
export interface SpeechBatchShape {
  readonly batch: number;
  readonly time: number;
  readonly letters: number;
}

/** Normalisation of log energies, which range from ln 1e-6 in silence to about 3, to values around zero. */
const [featureMean, featureScale] = [-5, 4];

/** The parameters' shapes by name: `lstm.0.*`, `lstm.0_reverse.*`, `output.kernel`, `output.bias`. */
export function recognizerParameterShapes(config: SpeechRecognizerConfig): Shapes {
  return {
    ...recurrentParameterShapes(networkOf(config)),
    'output.kernel': [2 * config.hiddenDim, config.classes],
    'output.bias': [config.classes],
  };
}

/**
 * The CTC loss of a batch, in nats.
 *
 * The batch: `frames` [time·batch, frameLength], time-major; `lengths` int32 [batch] in frames; `letters` int32 [batch,
 * letters], classes from 1, padded with 0; `letterCounts` int32 [batch]; `weights` [batch], each recording's weight;
 * and with dropout the mask `dropout.0` [time·batch, 2·hidden].
 */
export function recognizerLoss(
  config: SpeechRecognizerConfig,
  { batch, time, letters }: SpeechBatchShape,
): LossFunction {
  return {
    parameters: recognizerParameterShapes(config),
    inputs: {
      ...frameInputs(config, { batch, time }),
      letters: { shape: [batch, letters], dtype: 'int32' },
      letterCounts: { shape: [batch], dtype: 'int32' },
      weights: { shape: [batch], dtype: 'float32' },
      ...(config.dropout > 0 ? float32Inputs({ 'dropout.0': [time * batch, 2 * config.hiddenDim] }) : {}),
    },
    loss: (parameters, inputs) => {
      const losses = ctcLoss({
        logits: batchLogits(config, parameters, inputs, { batch, time }),
        labels: inputs.letters as tf.Tensor2D,
        logitLengths: inputs.lengths as tf.Tensor1D,
        labelLengths: inputs.letterCounts as tf.Tensor1D,
      });
      return tf.sum(tf.mul(losses, inputs.weights!));
    },
  };
}

/** Recognizes a batch: takes `frames` and `lengths`, outputs `logits` [time, batch, classes]. */
export function recognitionProgram(config: SpeechRecognizerConfig, shape: Omit<SpeechBatchShape, 'letters'>): Program {
  return forwardProgram(recognizerParameterShapes(config), frameInputs(config, shape), (parameters, inputs) => ({
    logits: batchLogits(config, parameters, inputs, shape),
  }));
}

/**
 * One step through a recording from both its ends. Inputs: `frames` [2, frameLength], the next one from the front and
 * from the back, and the state. Outputs: `features.0` and `features.0_reverse` [1, hidden] of those frames, and
 * `next.*` of the state.
 */
export function recognizerStepProgram(config: SpeechRecognizerConfig): Program {
  const { frameLength } = logMelConfig(config.sampleRate);
  const inputs = { frames: [2, frameLength], ...recurrentStateShapes(networkOf(config), 1) };
  return forwardProgram(recognizerParameterShapes(config), float32Inputs(inputs), (parameters, given) => {
    const features = featuresOf(config, given.frames as tf.Tensor2D);
    const state = stepFromBothEnds(networkOf(config), parameters, features, given);
    return { 'features.0': state['h.0']!, 'features.0_reverse': state['h.0_reverse']!, ...asOutputs('next', state) };
  });
}

/**
 * The output layer for one frame: takes its `features` [1, 2·hidden], from the front and from the back, outputs its
 * `logits` [1, classes].
 */
export function recognizerOutputProgram(config: SpeechRecognizerConfig): Program {
  const features = float32Inputs({ features: [1, 2 * config.hiddenDim] });
  return forwardProgram(recognizerParameterShapes(config), features, (parameters, given) => ({
    logits: linear(parameters, given.features!),
  }));
}

/** The configuration of frames and features for the recordings. */
export function recognizerFrames({ sampleRate }: SpeechRecognizerConfig): LogMelConfig {
  return logMelConfig(sampleRate);
}

function batchLogits(
  config: SpeechRecognizerConfig,
  parameters: NamedTensors,
  { frames, lengths, 'dropout.0': mask }: NamedTensors,
  { batch, time }: Omit<SpeechBatchShape, 'letters'>,
): tf.Tensor3D {
  const features = featuresOf(config, frames as tf.Tensor2D);
  const x = tf.reshape(features, [time, batch, features.shape[1]]);
  const { outputs } = recurrentNetwork(networkOf(config), parameters, x, { lengths: lengths! });
  const rows = tf.reshape(outputs, [time * batch, 2 * config.hiddenDim]);
  return tf.reshape(linear(parameters, mask ? tf.mul(rows, mask) : rows), [time, batch, config.classes]);
}

/** Normalised log-mel features, [frames, mels]. */
function featuresOf({ sampleRate }: SpeechRecognizerConfig, frames: tf.Tensor2D): tf.Tensor2D {
  return tf.div(tf.sub(logMel(frames, logMelConfig(sampleRate)), featureMean), featureScale);
}

function linear(parameters: NamedTensors, features: tf.Tensor): tf.Tensor2D {
  return tf.add(tf.matMul(features as tf.Tensor2D, parameters['output.kernel']!), parameters['output.bias']!);
}

function frameInputs(
  config: SpeechRecognizerConfig,
  { batch, time }: Omit<SpeechBatchShape, 'letters'>,
): Record<string, TensorSpec> {
  const { frameLength } = logMelConfig(config.sampleRate);
  return {
    frames: { shape: [time * batch, frameLength], dtype: 'float32' },
    lengths: { shape: [batch], dtype: 'int32' },
  };
}

function networkOf({ sampleRate, hiddenDim }: SpeechRecognizerConfig): RecurrentNetworkConfig {
  const { mels } = logMelConfig(sampleRate);
  return recurrentNetworkConfig({ cell: 'lstm', inputDim: mels, hiddenDim, bidirectional: true });
}
