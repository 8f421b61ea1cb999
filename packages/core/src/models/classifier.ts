/**
 * A text classifier: embedding, a bidirectional LSTM, the maximum of each output over time, and a linear layer. Max
 * pooling over a recurrent network follows Lai et al. (2015), "Recurrent Convolutional Neural Networks for Text
 * Classification", section 2.2. The maximum includes zero, so that it does not depend on padding.
 */
import * as tf from '@tensorflow/tfjs-core';
import { embeddingLookup } from '../kernels/embedding/lookup.js';
import { sparseSoftmaxCrossEntropy } from '../kernels/softmax-cross-entropy/sparse.js';
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
import type { TextClassifierConfig } from './application-configs.js';
import { forwardProgram, type LossFunction } from './loss-program.js';
import { float32Inputs, type Program } from './program.js';

/** Number of texts in a batch, and tokens of each. */
export interface TextBatchShape {
  readonly batch: number;
  readonly time: number;
}

const embeddingName = 'embedding.embeddings';

/**
 * The parameters' shapes by name: `embedding.embeddings`, `lstm.0.*`, `lstm.0_reverse.*`, `output.kernel`,
 * `output.bias`.
 */
export function classifierParameterShapes(config: TextClassifierConfig): Shapes {
  return {
    [embeddingName]: [config.vocabSize, config.embeddingDim],
    ...recurrentParameterShapes(networkOf(config)),
    'output.kernel': [2 * config.hiddenDim, config.classes],
    'output.bias': [config.classes],
  };
}

/**
 * The mean cross-entropy of a batch, in nats.
 *
 * The batch: `ids` int32 [time, batch], `lengths` int32 [batch], `labels` int32 [batch], `weights` [batch] (the weight
 * of each text in the mean). With dropout also the masks `dropout.0` [time·batch, embedding] and `dropout.1` [batch,
 * 2·hidden].
 */
export function classifierLoss(config: TextClassifierConfig, shape: TextBatchShape): LossFunction {
  const { batch, time } = shape;
  const masks = { 'dropout.0': [time * batch, config.embeddingDim], 'dropout.1': [batch, 2 * config.hiddenDim] };
  return {
    parameters: classifierParameterShapes(config),
    inputs: {
      ...textInputs(shape),
      labels: { shape: [batch], dtype: 'int32' },
      weights: { shape: [batch], dtype: 'float32' },
      ...(config.dropout > 0 ? float32Inputs(masks) : {}),
    },
    loss: (parameters, inputs) => {
      const logits = batchLogits(config, parameters, inputs);
      const losses = sparseSoftmaxCrossEntropy(logits, inputs.labels as tf.Tensor1D);
      return tf.sum(tf.mul(losses, inputs.weights!));
    },
  };
}

/** Classifies a batch: takes `ids` and `lengths`, outputs `logits` [batch, classes]. */
export function classifierEvaluationProgram(config: TextClassifierConfig, shape: TextBatchShape): Program {
  return forwardProgram(classifierParameterShapes(config), textInputs(shape), (parameters, inputs) => ({
    logits: batchLogits(config, parameters, inputs),
  }));
}

/**
 * One step through a text from both its ends. Inputs: `ids` int32 [2], the next token from the front and from the back,
 * and the state. Outputs: `logits` [1, classes] and `next.*` of the state. After as many steps as the text has tokens,
 * the logits are those of the text. The state is h and c of both directions and `pooled.*`, the maxima so far; it
 * starts at zero.
 */
export function classifierStepProgram(config: TextClassifierConfig): Program {
  return forwardProgram(
    classifierParameterShapes(config),
    { ids: { shape: [2], dtype: 'int32' }, ...float32Inputs(classifierStateShapes(config)) },
    (parameters, inputs) => {
      const embedded = embeddingLookup(parameters[embeddingName] as tf.Tensor2D, inputs.ids!);
      const state = stepFromBothEnds(networkOf(config), parameters, embedded, inputs);
      const pooled: NamedTensors = Object.fromEntries(
        ['0', '0_reverse'].map((side) => {
          const [name, output] = [`pooled.${side}`, state[`h.${side}`]!];
          return [name, tf.maximum(inputs[name]!, output)];
        }),
      );
      const logits = linear(parameters, tf.concat(Object.values(pooled), 1));
      return { logits, ...asOutputs('next', { ...state, ...pooled }) };
    },
  );
}

/** The shapes of the state of {@link classifierStepProgram}, by name. */
export function classifierStateShapes(config: TextClassifierConfig): Shapes {
  const pooled = { 'pooled.0': [1, config.hiddenDim], 'pooled.0_reverse': [1, config.hiddenDim] };
  return { ...recurrentStateShapes(networkOf(config), 1), ...pooled };
}

function batchLogits(config: TextClassifierConfig, parameters: NamedTensors, inputs: NamedTensors): tf.Tensor2D {
  const { ids, lengths } = inputs;
  const rows = embeddingLookup(parameters[embeddingName] as tf.Tensor2D, tf.reshape(ids!, [ids!.size]));
  const x = tf.reshape(dropped(rows, inputs['dropout.0']), [...ids!.shape, config.embeddingDim]);
  const { outputs } = recurrentNetwork(networkOf(config), parameters, x, { lengths: lengths! });
  const pooled = tf.maximum(tf.max(outputs, 0), 0); // [batch, 2·hidden]
  return linear(parameters, dropped(pooled, inputs['dropout.1']));
}

function linear(parameters: NamedTensors, features: tf.Tensor): tf.Tensor2D {
  return tf.add(tf.matMul(features as tf.Tensor2D, parameters['output.kernel']!), parameters['output.bias']!);
}

function textInputs({ batch, time }: TextBatchShape): Record<string, TensorSpec> {
  return { ids: { shape: [time, batch], dtype: 'int32' }, lengths: { shape: [batch], dtype: 'int32' } };
}

function networkOf({ embeddingDim, hiddenDim }: TextClassifierConfig): RecurrentNetworkConfig {
  return recurrentNetworkConfig({ cell: 'lstm', inputDim: embeddingDim, hiddenDim, bidirectional: true });
}

function dropped(x: tf.Tensor, mask: tf.Tensor | undefined): tf.Tensor {
  return mask ? tf.mul(x, mask) : x;
}
