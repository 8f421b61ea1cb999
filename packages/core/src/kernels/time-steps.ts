/**
 * Shared by the recurrent kernels. Sequences are time-major, [time, batch, features]. They are flattened to
 * [time·batch, features], so that everything independent of the recurrence is one operation for all steps: the input
 * projection, the weight gradients, and every elementwise factor of back-propagation through time.
 */
import * as tf from '@tensorflow/tfjs-core';

/**
 * x·W + b of all steps in one product, split into one [batch, gates·hidden] tensor for each step. x: [time, batch,
 * input].
 */
export function projectInputs(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor): tf.Tensor[] {
  const [time = 0] = x.shape;
  return splitSteps(tf.add(tf.matMul(flattenSteps(x), kernel), bias), time);
}

/** [time, batch, features] → [time·batch, features]. */
export function flattenSteps(sequence: tf.Tensor): tf.Tensor2D {
  const [time = 0, batch = 0, features = 0] = sequence.shape;
  return tf.reshape(sequence, [time * batch, features]);
}

/** [time·batch, features] → `time` tensors [batch, features]. */
export function splitSteps(rows: tf.Tensor, time: number): tf.Tensor[] {
  return time === 1 ? [rows] : tf.split(rows, time, 0);
}

/** `time` tensors [batch, features] → [time·batch, features]. */
export function joinSteps(steps: readonly tf.Tensor[]): tf.Tensor {
  return steps.length === 1 ? steps[0]! : tf.concat([...steps], 0);
}

/** `time` tensors [batch, features] → [time, batch, features]. */
export function stackSteps(steps: readonly tf.Tensor[]): tf.Tensor {
  const [batch = 0, features = 0] = steps[0]!.shape;
  return tf.reshape(joinSteps(steps), [steps.length, batch, features]);
}

/** Multiplies rows [time·batch, features] by a mask [batch, features] at each step. */
export function maskSteps(rows: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  return tf.reshape(tf.mul(tf.reshape(rows, [-1, ...mask.shape]), mask), rows.shape);
}

/** The state before each step: `initial` [batch, hidden], then all of `states` [time·batch, hidden] but the last. */
export function previousStates(initial: tf.Tensor, states: tf.Tensor): tf.Tensor {
  const [rows = 0, hidden = 0] = states.shape;
  const [batch = 0] = initial.shape;
  if (rows === batch) return initial;
  return tf.concat([initial, tf.slice(states, [0, 0], [rows - batch, hidden])], 0);
}

/**
 * Gradients of the input projection x·W + b, given the gradients of its rows [time·batch, gates·hidden]: one product
 * for dx and one for dW over all time steps.
 */
export function inputProjectionGradients(x: tf.Tensor, kernel: tf.Tensor, rowGradients: tf.Tensor) {
  return {
    x: () => tf.reshape(tf.matMul(rowGradients, kernel, false, true), x.shape),
    kernel: () => tf.matMul(flattenSteps(x), rowGradients, true, false),
    bias: () => tf.sum(rowGradients, 0),
  };
}

/** y·(1 − y), the derivative of the logistic sigmoid in terms of its value y. */
export function sigmoidDerivative(y: tf.Tensor): tf.Tensor {
  return tf.mul(y, tf.sub(1, y));
}

/** 1 − y², the derivative of tanh in terms of its value y. */
export function tanhDerivative(y: tf.Tensor): tf.Tensor {
  return tf.sub(1, tf.square(y));
}
