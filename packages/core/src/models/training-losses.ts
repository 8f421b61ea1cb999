/**
 * The losses that training minimises: with the full softmax or an adaptive one, as in evaluation, with smoothed labels,
 * or with a sampled softmax.
 */
import type * as tf from '@tensorflow/tfjs-core';
import { adaptiveCrossEntropy } from '../kernels/output-layer/adaptive-cross-entropy.js';
import { sampledSoftmaxCrossEntropy } from '../kernels/sampled-softmax/sampled-softmax.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import type { TensorSpec } from '../tracing/trace.js';
import { tailPositions } from './adaptive-softmax.js';
import { type LanguageModelConfig, outputTable, softmaxTails } from './language-model-config.js';
import { adaptiveLayer, outputLosses, outputSmoothedLosses } from './language-model-forward.js';
import type { BatchShape } from './program.js';

/**
 * The inputs of a batch's loss besides its tokens. The full softmax has none. A sampled softmax has `candidates` int32
 * [samples] and the logarithms of the expected counts in the sample, `candidateLogCounts` [samples] and
 * `targetLogCounts` [time·batch]; see `logUniformCandidates`. An adaptive one has for each tail
 * `output.tail.k.positions` int32 [capacity], the rows of its targets, padded with −1.
 */
export function softmaxInputs(config: LanguageModelConfig, shape: BatchShape): Record<string, TensorSpec> {
  const { batch, time, tailCapacities = [] } = shape;
  const inputs: Record<string, TensorSpec> = {};
  for (const [k, tail] of softmaxTails(config).entries()) {
    inputs[tailPositions(tail)] = { shape: [tailCapacities[k] ?? time * batch], dtype: 'int32' };
  }
  if (config.softmax?.name !== 'sampled') return inputs;
  const { samples } = config.softmax;
  return {
    candidates: { shape: [samples], dtype: 'int32' },
    candidateLogCounts: { shape: [samples], dtype: 'float32' },
    targetLogCounts: { shape: [time * batch], dtype: 'float32' },
  };
}

/**
 * The loss of each target, from features [rows, output].
 * @param inputs `targets` int32 [rows], and those of {@link softmaxInputs}
 * @returns [rows] each, in nats: the targets' cross-entropy, and the objectives to minimise, which differ only with
 * label smoothing
 */
export function trainingLosses(
  config: LanguageModelConfig,
  parameters: NamedTensors,
  features: tf.Tensor2D,
  inputs: NamedTensors,
): { readonly tokenLosses: tf.Tensor1D; readonly objectives: tf.Tensor1D } {
  if (config.labelSmoothing) {
    const targets = inputs.targets as tf.Tensor1D;
    const { losses, objectives } = outputSmoothedLosses(config, parameters, features, targets);
    return { tokenLosses: losses, objectives };
  }
  const tokenLosses = tokenLossesOf(config, parameters, features, inputs);
  return { tokenLosses, objectives: tokenLosses };
}

function tokenLossesOf(
  config: LanguageModelConfig,
  parameters: NamedTensors,
  features: tf.Tensor2D,
  inputs: NamedTensors,
): tf.Tensor1D {
  if (config.softmax?.name === 'sampled') return sampledLosses(config, parameters, features, inputs);
  const targets = inputs.targets as tf.Tensor1D;
  if (config.softmax?.name !== 'adaptive') return outputLosses(config, parameters, features, targets);
  const positions = softmaxTails(config).map((tail) => inputs[tailPositions(tail)] as tf.Tensor1D);
  return adaptiveCrossEntropy(features, adaptiveLayer(config, parameters), positions, targets);
}

function sampledLosses(
  config: LanguageModelConfig,
  parameters: NamedTensors,
  features: tf.Tensor2D,
  inputs: NamedTensors,
): tf.Tensor1D {
  return sampledSoftmaxCrossEntropy({
    features,
    weights: parameters[outputTable(config)!] as tf.Tensor2D,
    bias: parameters['output.bias'] as tf.Tensor1D,
    targets: inputs.targets as tf.Tensor1D,
    candidates: inputs.candidates as tf.Tensor1D,
    candidateLogCounts: inputs.candidateLogCounts as tf.Tensor1D,
    targetLogCounts: inputs.targetLogCounts as tf.Tensor1D,
  });
}
