import type * as tf from '@tensorflow/tfjs-core';

export interface OptimizerInputs {
  readonly parameter: tf.Tensor;
  readonly gradient: tf.Tensor;
  readonly slots: Readonly<Record<string, tf.Tensor>>;
  readonly learningRate: tf.Scalar;
  /** float32; 1 for the first update */
  readonly step: tf.Scalar;
  /** For `nt-asgd`, the new iterate's weight in the average; 1 before averaging starts. */
  readonly averagingWeight?: tf.Scalar | undefined;
}

export interface OptimizerOutputs {
  readonly parameter: tf.Tensor;
  readonly slots: Record<string, tf.Tensor>;
}
