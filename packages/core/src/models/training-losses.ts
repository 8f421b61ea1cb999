/** The losses that training minimises: of the whole softmax, as evaluation's, with smoothed labels, or of a sample of it. */
import type * as tf from '@tensorflow/tfjs-core';
import { sampledSoftmaxCrossEntropy } from '../kernels/sampled-softmax/sampled-softmax.js';
import type { NamedTensors, TensorSpec } from '../tracing/trace.js';
import { type LanguageModelConfig, outputTable } from './language-model-config.js';
import { outputLosses, outputSmoothedLosses } from './language-model-forward.js';

/**
 * What a sampled softmax needs besides the batch, of `rows` tokens: `candidates` int32 [samples], and the logarithms of how
 * often they and the targets are expected in the sample, `candidateLogCounts` [samples] and `targetLogCounts` [rows]; see
 * `logUniformCandidates`. Nothing for the whole one.
 */
export function candidateInputs({ softmax }: LanguageModelConfig, rows: number): Record<string, TensorSpec> {
  if (!softmax) return {};
  const { samples } = softmax;
  return {
    candidates: { shape: [samples], dtype: 'int32' },
    candidateLogCounts: { shape: [samples], dtype: 'float32' },
    targetLogCounts: { shape: [rows], dtype: 'float32' },
  };
}

/**
 * The loss of each target, from features [rows, output].
 * @param inputs `targets` int32 [rows], and those of {@link candidateInputs}
 * @returns [rows] each, in nats: the cross-entropy of the targets, and what is minimised, which is the same but for smoothing
 */
export function trainingLosses(
  config: LanguageModelConfig,
  parameters: NamedTensors,
  features: tf.Tensor2D,
  inputs: NamedTensors,
): { readonly tokenLosses: tf.Tensor1D; readonly objectives: tf.Tensor1D } {
  const targets = inputs.targets as tf.Tensor1D;
  if (config.labelSmoothing) {
    const { losses, objectives } = outputSmoothedLosses(config, parameters, features, targets);
    return { tokenLosses: losses, objectives };
  }
  const tokenLosses = config.softmax
    ? sampledLosses(config, parameters, features, inputs)
    : outputLosses(config, parameters, features, targets);
  return { tokenLosses, objectives: tokenLosses };
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
