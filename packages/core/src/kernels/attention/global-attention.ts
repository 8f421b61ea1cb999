/**
 * Global attention with the score "general": Luong et al. (2015), "Effective Approaches to Attention-based Neural Machine
 * Translation", section 3.1, for all steps of the queries at once:
 *
 *   a_t(s) = softmax_s(h_t · W · m_s)        c_t = Σ_s a_t(s) · m_s
 */
import * as tf from '@tensorflow/tfjs-core';
// The core package leaves the gradients of its own ops unregistered; the layers package registers them.
import '@tensorflow/tfjs-layers';

export interface GlobalAttentionInputs {
  /** The queries: [batch, queries, width]. */
  readonly queries: tf.Tensor3D;
  /** The memory that the queries attend to: [batch, positions, memory]. */
  readonly memory: tf.Tensor3D;
  /**
   * float32 [batch, positions]: one where a position may be attended to, else zero. Each row needs at least one such
   * position.
   */
  readonly mask: tf.Tensor2D;
  /** W, [width, memory]. */
  readonly kernel: tf.Tensor2D;
}

/** Subtracted from a masked position's score: its weight is then zero in float32. */
const never = 1e9;

/**
 * Attends to the memory. Each context is the sum of the memory's positions, weighted by `weights`. Differentiable by
 * the queries, the memory and W.
 * @returns contexts [batch, queries, memory], weights [batch, queries, positions]
 */
export function globalAttention({ queries, memory, mask, kernel }: GlobalAttentionInputs): {
  contexts: tf.Tensor3D;
  weights: tf.Tensor3D;
} {
  const [batch, count, width] = queries.shape;
  const projected = tf.reshape(tf.matMul(tf.reshape(queries, [batch * count, width]), kernel), [batch, count, -1]);
  const scores = tf.matMul(projected, memory, false, true); // [batch, queries, positions]
  const lowered = tf.expandDims(tf.mul(tf.sub(mask, 1), never), 1);
  const weights = tf.softmax(tf.add(scores, lowered) as tf.Tensor3D);
  return { contexts: tf.matMul(weights, memory) as tf.Tensor3D, weights };
}
