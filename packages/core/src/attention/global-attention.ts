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
  /** What looks: [batch, queries, width]. */
  readonly queries: tf.Tensor3D;
  /** What is looked at: [batch, positions, memory]. */
  readonly memory: tf.Tensor3D;
  /** float32 [batch, positions]: one where there is something to look at, which has to be so once in every row, else zero. */
  readonly mask: tf.Tensor2D;
  /** W, [width, memory]. */
  readonly kernel: tf.Tensor2D;
}

/** What a masked position's score is lowered by: its weight is then zero in float32. */
const never = 1e9;

/**
 * The contexts and the weights by which they are sums of the memory. Differentiable by the queries, the memory and W.
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
