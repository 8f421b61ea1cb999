/**
 * `LinearAttention`: h_t = (1 − z_t)∘h_(t−1) + z_t∘n_t of one sequence as gated linear attention, with one head of a
 * single element for each unit. z is the key, n the value, log(1 − z) the decay; the query is one. A trace records one
 * node of ONNX Runtime's operator of that name, which takes a sequence of any length; without tracing it is a scan. It
 * has no gradient: for training, the kernels `MinGruSequence` and `MinLstmSequence` are several times faster on CPUs.
 */
import type * as tf from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.js';
import { type Interpolation, interpolate } from './interpolation.js';

export interface LinearAttentionInputs extends Interpolation {
  /** Ones, [time, 1]. */
  readonly query: tf.Tensor;
  /** [1, hidden] */
  readonly initial: tf.Tensor;
}

const kernel = defineKernel<LinearAttentionInputs & Record<string, tf.Tensor>, object>({
  name: 'LinearAttention',
  forward: ({ update, candidate, initial }) => {
    const { states, last } = interpolate({ update, candidate }, initial, update.shape[0]!);
    return [states, last];
  },
});

/**
 * Runs the recurrence.
 * @returns every h_t, [time, hidden], and the last one, [1, hidden]
 */
export function linearAttention(inputs: LinearAttentionInputs): { states: tf.Tensor; last: tf.Tensor } {
  const [states, last] = kernel({ ...inputs }, {});
  return { states: states!, last: last! };
}
