/** The recurrent language model as a pure function of its parameters, shared by training, tracing and export. */
import * as tf from '@tensorflow/tfjs-core';
import { embeddingLookup } from '../kernels/embedding/lookup.js';
import {
  type AdaptiveLayer,
  adaptiveCrossEntropyOfAll,
  adaptiveScores,
} from '../kernels/output-layer/adaptive-cross-entropy.js';
import { linearCrossEntropy } from '../kernels/output-layer/linear-cross-entropy.js';
import { smoothedCrossEntropy } from '../kernels/output-layer/smoothed-cross-entropy.js';
import { flattenSteps, maskSteps } from '../kernels/time-steps.js';
import { recurrentNetwork } from '../recurrent/network.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { weightMask } from './dropout-masks.js';
import {
  embeddingName,
  isRwkv7,
  type LanguageModelConfig,
  networkOf,
  outputTable,
  softmaxTails,
} from './language-model-config.js';
import { rwkv7Blocks } from './rwkv7.js';

/** Looks up the embeddings of `ids` int32 [time, batch]: [time, batch, embedding]. */
export function embedTokens(parameters: NamedTensors, ids: tf.Tensor2D): tf.Tensor3D {
  return embeddingLookup(parameters[embeddingName] as tf.Tensor2D, ids) as tf.Tensor3D;
}

/**
 * Runs the recurrent layers, or the blocks of an RWKV-7, without the embedding and the output layer.
 * @param embedded [time, batch, embedding]
 * @param state tensors by the names of `stateShapes`
 * @param masks those of `dropoutMaskShapes`, by name, elements zero or 1/(1 − rate); leave them out to run without
 * dropout
 * @returns `features` [time·batch, output], time-major, and the state after the last step
 */
export function recurrentFeatures(
  config: LanguageModelConfig,
  parameters: NamedTensors,
  embedded: tf.Tensor3D,
  state: NamedTensors,
  masks: NamedTensors = {},
): { features: tf.Tensor2D; state: NamedTensors } {
  const [time, batch] = embedded.shape;
  const dropped = (rows: tf.Tensor, site: number) => droppedRows(rows, masks[`dropout.${site}`]);
  const rows = dropped(droppedRows(flattenSteps(embedded), masks.tokenDropout), 0); // [time·batch, features]
  if (isRwkv7(config)) {
    const { rows: features, state: last } = rwkv7Blocks(config, parameters, rows, state, dropped);
    return { features: features as tf.Tensor2D, state: last };
  }
  const between = Array.from({ length: config.layers - 1 }, (_, k) => masks[`dropout.${k + 1}`])
    .filter((mask) => mask !== undefined)
    .map((mask) => (mask.shape[0] === time * batch ? tf.reshape(mask, [time, batch, -1]) : mask));
  const { outputs, state: last } = recurrentNetwork(
    networkOf(config),
    withDroppedWeights(config, parameters, masks),
    tf.reshape(rows, embedded.shape),
    { state, dropoutMasks: between },
  );
  return { features: dropped(flattenSteps(outputs), config.layers) as tf.Tensor2D, state: last };
}

/** Multiplies rows [time·batch, width] by a mask of the same shape, or by one of [batch, width] for all steps. */
function droppedRows(rows: tf.Tensor, mask: tf.Tensor | undefined): tf.Tensor {
  if (!mask) return rows;
  return mask.shape[0] === rows.shape[0] ? tf.mul(rows, mask) : maskSteps(rows, mask);
}

function withDroppedWeights(
  { cell, layers }: LanguageModelConfig,
  parameters: NamedTensors,
  masks: NamedTensors,
): NamedTensors {
  const result = { ...parameters };
  for (let layer = 0; layer < layers; layer++) {
    const [name, mask] = [`${cell}.${layer}.recurrent_kernel`, masks[weightMask(layer)]];
    if (mask) result[name] = tf.mul(parameters[name]!, mask);
  }
  return result;
}

/** Scores of all words from features [rows, output]: [rows, vocab]. Their softmax is the model's distribution. */
export function outputLogits(
  config: LanguageModelConfig,
  parameters: NamedTensors,
  features: tf.Tensor2D,
): tf.Tensor2D {
  if (config.softmax?.name === 'adaptive') return adaptiveScores(features, adaptiveLayer(config, parameters));
  const table = outputTable(config);
  const product = table
    ? tf.matMul(features, parameters[table]!, false, true)
    : tf.matMul(features, parameters['output.kernel']!);
  return tf.add(product, parameters['output.bias']!) as tf.Tensor2D;
}

/**
 * The cross-entropy of the next words, from features [rows, output].
 * @param targets int32 [rows]
 * @returns [rows], in nats
 */
export function outputLosses(
  config: LanguageModelConfig,
  parameters: NamedTensors,
  features: tf.Tensor2D,
  targets: tf.Tensor1D,
): tf.Tensor1D {
  if (config.softmax?.name === 'adaptive') {
    return adaptiveCrossEntropyOfAll(features, adaptiveLayer(config, parameters), targets);
  }
  const table = outputTable(config);
  const weights = parameters[table ?? 'output.kernel']!;
  return linearCrossEntropy({ features, weights, bias: parameters['output.bias']!, targets }, table !== undefined);
}

/** {@link outputLosses} together with the objectives that training minimises with `labelSmoothing`. */
export function outputSmoothedLosses(
  config: LanguageModelConfig,
  parameters: NamedTensors,
  features: tf.Tensor2D,
  targets: tf.Tensor1D,
): ReturnType<typeof smoothedCrossEntropy> {
  const table = outputTable(config);
  const layer = { features, weights: parameters[table ?? 'output.kernel']!, bias: parameters['output.bias']!, targets };
  return smoothedCrossEntropy(layer, config.labelSmoothing ?? 0, table !== undefined);
}

/** The output layer of an adaptive softmax. */
export function adaptiveLayer(config: LanguageModelConfig, parameters: NamedTensors): AdaptiveLayer {
  return {
    kernel: parameters['output.kernel'] as tf.Tensor2D,
    bias: parameters['output.bias'] as tf.Tensor1D,
    tails: softmaxTails(config).map(({ name, from }) => ({
      from,
      projection: parameters[`${name}.projection`] as tf.Tensor2D,
      kernel: parameters[`${name}.kernel`] as tf.Tensor2D,
    })),
  };
}
