/**
 * Optimizers as pure functions over tensors, one parameter at a time, so that they can be traced into both the training
 * step and the parameter server's update. Per-parameter state ("slots") starts at zero and has the parameter's shape.
 */
import * as tf from '@tensorflow/tfjs-core';
import { averagedSgd } from './averaged-sgd.js';
import type { OptimizerConfig } from './optimizer-config.js';
import type { OptimizerInputs, OptimizerOutputs } from './optimizer-tensors.js';

/** One update of one parameter. */
export function optimizerUpdate(config: OptimizerConfig, inputs: OptimizerInputs): OptimizerOutputs {
  switch (config.name) {
    case 'sgd':
      return sgd(inputs);
    case 'momentum':
      return momentum(inputs, config.momentum);
    case 'nesterov':
      return nesterov(inputs, config.momentum);
    case 'adam':
      return adam(inputs, config);
    case 'adamw':
      return adamW(inputs, config);
    case 'adagrad':
      return adagrad(inputs, config.epsilon);
    case 'rmsprop':
      return rmsProp(inputs, config);
    case 'nt-asgd':
      return averagedSgd(inputs);
  }
}

/** θ ← θ − η·g */
function sgd({ parameter, gradient, learningRate }: OptimizerInputs): OptimizerOutputs {
  return { parameter: tf.sub(parameter, tf.mul(gradient, learningRate)), slots: {} };
}

/** v ← μ·v + g; θ ← θ − η·v. Sutskever et al. (2013), eq. 1–2, in the form of the frameworks. */
function momentum({ parameter, gradient, slots, learningRate }: OptimizerInputs, mu: number): OptimizerOutputs {
  const velocity = tf.add(tf.mul(slots.momentum!, mu), gradient);
  return { parameter: tf.sub(parameter, tf.mul(velocity, learningRate)), slots: { momentum: velocity } };
}

/** v ← μ·v + g; θ ← θ − η·(g + μ·v). Sutskever et al. (2013), eq. 3–4, in the form of the frameworks. */
function nesterov({ parameter, gradient, slots, learningRate }: OptimizerInputs, mu: number): OptimizerOutputs {
  const velocity = tf.add(tf.mul(slots.momentum!, mu), gradient);
  const ahead = tf.add(gradient, tf.mul(velocity, mu));
  return { parameter: tf.sub(parameter, tf.mul(ahead, learningRate)), slots: { momentum: velocity } };
}

interface AdamSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** Kingma and Ba (2015), algorithm 1, with bias correction. */
function adam(inputs: OptimizerInputs, { beta1, beta2, epsilon }: AdamSettings): OptimizerOutputs {
  const { parameter, gradient, slots, learningRate, step } = inputs;
  const m = tf.add(tf.mul(slots.m!, beta1), tf.mul(gradient, 1 - beta1));
  const v = tf.add(tf.mul(slots.v!, beta2), tf.mul(tf.square(gradient), 1 - beta2));
  // m̂/(√v̂ + ε) = (√(1 − β₂ᵗ)/(1 − β₁ᵗ))·m / (√v + ε·√(1 − β₂ᵗ)): the corrections stay scalars.
  const root = tf.sqrt(tf.sub(1, tf.pow(tf.scalar(beta2), step)));
  const rate = tf.div(tf.mul(learningRate, root), tf.sub(1, tf.pow(tf.scalar(beta1), step)));
  const update = tf.div(tf.mul(m, rate), tf.add(tf.sqrt(v), tf.mul(root, epsilon)));
  return { parameter: tf.sub(parameter, update), slots: { m, v } };
}

/** Loshchilov and Hutter (2019), algorithm 2: weights decay by η·λ, independently of the gradient. */
function adamW(inputs: OptimizerInputs, config: AdamSettings & { weightDecay: number }): OptimizerOutputs {
  const decayed = tf.mul(inputs.parameter, tf.sub(1, tf.mul(inputs.learningRate, config.weightDecay)));
  return adam({ ...inputs, parameter: decayed }, config);
}

/** s ← s + g²; θ ← θ − η·g/(√s + ε). Duchi et al. (2011), figure 1, diagonal, in the form of the frameworks. */
function adagrad({ parameter, gradient, slots, learningRate }: OptimizerInputs, epsilon: number): OptimizerOutputs {
  const squares = tf.add(slots.squares!, tf.square(gradient));
  return { parameter: tf.sub(parameter, scaledByRoot(gradient, squares, learningRate, epsilon)), slots: { squares } };
}

/** v ← ρ·v + (1 − ρ)·g²; θ ← θ − η·g/(√v + ε). Tieleman and Hinton (2012), lecture 6e, in the form of the frameworks. */
function rmsProp(
  { parameter, gradient, slots, learningRate }: OptimizerInputs,
  { decay, epsilon }: { readonly decay: number; readonly epsilon: number },
): OptimizerOutputs {
  const v = tf.add(tf.mul(slots.v!, decay), tf.mul(tf.square(gradient), 1 - decay));
  return { parameter: tf.sub(parameter, scaledByRoot(gradient, v, learningRate, epsilon)), slots: { v } };
}

/** η·g/(√s + ε) */
function scaledByRoot(gradient: tf.Tensor, squares: tf.Tensor, learningRate: tf.Scalar, epsilon: number): tf.Tensor {
  return tf.div(tf.mul(gradient, learningRate), tf.add(tf.sqrt(squares), epsilon));
}

/**
 * The factor by which gradients are clipped to a global norm: min(1, clipNorm / ‖g‖). Pascanu et al. (2013), algorithm 1.
 * @param sumOfSquares Σ g² over all gradients
 */
export function clipScale(sumOfSquares: tf.Scalar, clipNorm: number): tf.Scalar {
  return tf.minimum(1, tf.div(clipNorm, tf.sqrt(sumOfSquares))) as tf.Scalar;
}
