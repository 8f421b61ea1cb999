/** The codec that gradients travel in: checked, and passed to the servers' client. */
import type { GradientCodec } from '@unroll/param-server/client';
import { baseOptimizer } from '../configuration/modes.js';
import { option } from '../configuration/option-names.js';
import type { TrainingRecipe } from '../configuration/recipe.js';
import { UsageError } from '../errors.js';

/**
 * Checks that the codec fits the training's mode and optimizer.
 * @throws UsageError if it does not
 */
export function requireCodecFits(training: TrainingRecipe): void {
  const { gradientCodec, mode } = training;
  if (gradientCodec.name !== 'float32' && mode.name !== 'sync' && mode.name !== 'local') {
    throw new UsageError(
      `${option('gradientCodec')}: ${gradientCodec.name} is for ${option('mode')} sync and local; leave it out`,
    );
  }
  clientCodec(training);
}

/**
 * Returns the codec for the servers' client. With top-k, workers keep the momentum and the servers' optimizer has none.
 * @throws UsageError if the codec is top-k and the optimizer is not SGD, with or without momentum
 */
export function clientCodec(training: TrainingRecipe): GradientCodec {
  const { gradientCodec, mode, clipNorm } = training;
  if (gradientCodec.name !== 'top-k') return gradientCodec;
  const optimizer = baseOptimizer(training);
  if (optimizer.name !== 'sgd' && optimizer.name !== 'momentum' && optimizer.name !== 'nesterov') {
    throw new UsageError(
      `${option('gradientCodec')}: top-k leaves momentum to the workers, which ${optimizer.name} cannot; ` +
        `give ${option('optimizer')} sgd, momentum or nesterov`,
    );
  }
  return {
    ...gradientCodec,
    momentum: optimizer.name === 'sgd' ? 0 : optimizer.momentum,
    isNesterov: optimizer.name === 'nesterov',
    clipNorm: mode.name === 'local' ? undefined : clipNorm,
  };
}
