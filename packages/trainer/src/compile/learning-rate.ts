/** Makes the learning rate of a TensorFlow.js optimizer an input of the step, so that a schedule can change it. */
import * as tf from '@tensorflow/tfjs-core';
import { UnrollError } from '../errors.js';
import { interceptMakeTensor } from './host-tensors.js';

/** The fields of TensorFlow.js's optimizers that are used here. */
interface OptimizerFields {
  learningRate: number;
  /** The negated learning rate as a tensor, in SGD and momentum. */
  c?: tf.Tensor;
  iterations_?: number;
}

/** A number that does not occur otherwise: a scalar of this value, or its negative, is the learning rate. */
const standIn = 0.8374651029384756;

export function learningRateOf(optimizer: tf.Optimizer): number {
  return fieldsOf(optimizer).learningRate;
}

/** Adds updates that the optimizer did not make itself to its count, which is saved with its state. */
export function countUpdates(optimizer: tf.Optimizer, updates: number): void {
  fieldsOf(optimizer).iterations_ = optimizer.iterations + updates;
}

/**
 * Calls `run` while the optimizer takes its learning rate from the scalar `rate`.
 * @throws UnrollError if the optimizer does not use its learning rate as TensorFlow.js's own do
 */
export function withLearningRate<R>(optimizer: tf.Optimizer, rate: tf.Tensor, run: () => R): R {
  const fields = fieldsOf(optimizer);
  const { learningRate, c, iterations_ } = fields;
  let isUsed = c !== undefined;
  fields.learningRate = standIn;
  if (c) fields.c = tf.neg(rate);
  const float = Math.fround(standIn);
  try {
    const result = interceptMakeTensor(
      (original) => (values, shape, dtype) => {
        const value = shape.length === 0 ? values[0] : undefined;
        if (value !== float && value !== -float) return original(values, shape, dtype);
        isUsed = true;
        return value === float ? tf.clone(rate) : tf.neg(rate);
      },
      run,
    );
    if (isUsed) return result;
  } finally {
    Object.assign(fields, { learningRate, iterations_, ...(c ? { c } : {}) });
  }
  throw new UnrollError(
    `${optimizer.getClassName()} does not use its learning rate as TensorFlow.js's optimizers do, and cannot be compiled`,
  );
}

function fieldsOf(optimizer: tf.Optimizer): OptimizerFields {
  return optimizer as unknown as OptimizerFields;
}
