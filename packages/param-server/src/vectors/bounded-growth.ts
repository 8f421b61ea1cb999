/**
 * Tells which updates may bring values near the greatest float32, and so have to be checked value by value. Checking every
 * update would cost a fifth of its time. The others cannot, by the formulas of `@unroll/core`: from values of at most
 * {@link moderate}, an element changes by at most 10^24 a step, in any of 2^32 steps.
 */
import type { OptimizerConfig } from '@unroll/core/config';
import { sumOfSquaresWithin } from './sparse-vector.js';

/** The greatest size of values that are far from the end of float32, 3.4e38. */
const moderate = 1e30;

/** The greatest learning rate, and norm of the shard's part of a gradient, of an update that is not checked. */
const most = { learningRate: 1e3, norm: 1e6 };

/**
 * Returns whether an update changes values little.
 * @param norm at least the norm of the shard's part of the gradient, before clipping
 */
export function growsLittle(optimizer: OptimizerConfig, learningRate: number, norm: number): boolean {
  return norm <= most.norm && learningRate <= most.learningRate && hasBoundedSteps(optimizer, learningRate);
}

/** The steps of adam, adagrad and rmsprop are at most η·|g|/(0.001·ε); velocities are at most |g|/0.001. */
function hasBoundedSteps(optimizer: OptimizerConfig, learningRate: number): boolean {
  const [smallestEpsilon, mostMomentum, mostDecay] = [1e-12, 0.999, 0.99999];
  switch (optimizer.name) {
    case 'sgd':
      return true;
    case 'momentum':
    case 'nesterov':
      return optimizer.momentum <= mostMomentum;
    case 'adamw':
      if (learningRate * optimizer.weightDecay > 1) return false;
      return hasBoundedSteps({ ...optimizer, name: 'adam' }, learningRate);
    case 'adam':
      return optimizer.beta1 <= mostMomentum && optimizer.beta2 <= mostDecay && optimizer.epsilon >= smallestEpsilon;
    case 'adagrad':
      return optimizer.epsilon >= smallestEpsilon;
    case 'rmsprop':
      return optimizer.decay <= mostDecay && optimizer.epsilon >= smallestEpsilon;
    case 'nt-asgd':
      return false;
  }
}

/** Returns whether all values are far from the end of float32. */
export function areModerate(vectors: readonly Float32Array[]): boolean {
  return vectors.every((vector) => sumOfSquaresWithin(vector, 0, vector.length) <= moderate ** 2);
}
