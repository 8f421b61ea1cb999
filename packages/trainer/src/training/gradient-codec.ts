/** The codec that gradients travel in: parsed from its flag, checked, and passed to the servers' client. */
import type { GradientCodec } from '@unroll/param-server';
import { mostDensity, mostRank } from '../configuration/codec-limits.js';
import { baseOptimizer } from '../configuration/modes.js';
import type { TrainingRecipe } from '../configuration/recipe.js';
import type { GradientCodecConfig } from '../configuration/schemas.js';
import { UsageError } from '../errors.js';

export const gradientCodecUsage = 'float32, bfloat16, int8, top-k[:<density>] (0.001) or power-sgd[:<rank>] (4)';

/** The defaults of Lin et al. (2018), table 2, and Vogels et al. (2019), section 5. */
const defaultDensity = 0.001;
const defaultRank = 4;

/**
 * Parses `--gradient-codec`.
 * @throws UsageError unless the text has the form of {@link gradientCodecUsage}
 */
export function parseGradientCodec(text: string): GradientCodecConfig {
  const [name, amount] = text.split(':', 2);
  switch (name) {
    case 'float32':
    case 'bfloat16':
    case 'int8':
      if (amount === undefined) return { name };
      break;
    case 'top-k': {
      const density = amount === undefined ? defaultDensity : Number(amount);
      if (density > 0 && density <= mostDensity) return { name, density };
      break;
    }
    case 'power-sgd': {
      const rank = amount === undefined ? defaultRank : Number(amount);
      if (Number.isSafeInteger(rank) && rank >= 1 && rank <= mostRank) return { name, rank };
    }
  }
  throw new UsageError(
    `--gradient-codec: '${text}' is not a codec; give ${gradientCodecUsage}, a density up to ${mostDensity}, a rank up to ${mostRank}`,
  );
}

/**
 * Checks that the codec fits the training's mode and optimizer.
 * @throws UsageError if it does not
 */
export function requireCodecFits(training: TrainingRecipe): void {
  const { gradientCodec, mode } = training;
  if (gradientCodec.name !== 'float32' && mode.name !== 'sync' && mode.name !== 'local') {
    throw new UsageError(`--gradient-codec: ${gradientCodec.name} is for --mode sync and local; leave it out`);
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
      `--gradient-codec: top-k leaves momentum to the workers, which ${optimizer.name} cannot; ` +
        'give --optimizer sgd, momentum or nesterov',
    );
  }
  return {
    ...gradientCodec,
    momentum: optimizer.name === 'sgd' ? 0 : optimizer.momentum,
    isNesterov: optimizer.name === 'nesterov',
    clipNorm: mode.name === 'local' ? undefined : clipNorm,
  };
}
