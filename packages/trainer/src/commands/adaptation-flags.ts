/** The flags of `eval` for a language model that adapts to the text it is evaluated on. */
import { type DynamicRule, dynamicRules } from '@unroll/core/config';
import { type Command, Option } from 'commander';
import { UsageError } from '../errors.js';
import {
  type AdaptationSettings,
  cacheSettings,
  type DynamicSettings,
  defaultCache,
  defaultRates,
  defaultSegment,
  dynamicSettings,
} from '../evaluation/adaptation.js';
import { nonNegativeNumber, numberBetween, positiveInteger } from '../terminal/number-arguments.js';

export interface AdaptationFlags {
  dynamic?: DynamicRule | true;
  dynamicRate?: number;
  dynamicDecay?: number;
  dynamicSegment?: number;
  cache?: number;
  cacheTheta?: number;
  cacheLambda?: number;
}

export function addAdaptationFlags(command: Command): Command {
  const { rms, sgd } = defaultRates;
  return command
    .addOption(
      new Option('--dynamic [rule]', 'go on learning from the text, after each segment of it').choices(dynamicRules),
    )
    .option(
      '--dynamic-rate <x>',
      `how fast it learns, η (default: ${rms.learningRate} of rms, ${sgd.learningRate} of sgd)`,
      nonNegativeNumber,
    )
    .option(
      '--dynamic-decay <x>',
      `how much it forgets of that after each segment, λ (default: ${rms.decay} of rms, ${sgd.decay} of sgd)`,
      numberBetween(0, 1),
    )
    .option('--dynamic-segment <n>', `tokens of a segment (default: ${defaultSegment})`, positiveInteger)
    .option('--cache <n>', 'mix in what followed states like the present one among the last n tokens', positiveInteger)
    .option('--cache-theta <x>', `how much likeness counts, θ (default: ${defaultCache.theta})`, nonNegativeNumber)
    .option('--cache-lambda <p>', `the cache's part, λ (default: ${defaultCache.lambda})`, numberBetween(0, 1));
}

/** @throws UsageError if a flag is given without the one that it modifies */
export function adaptationSettings(flags: AdaptationFlags): AdaptationSettings {
  const { dynamic, cache } = flags;
  if (!dynamic) requireNone(flags, ['dynamicRate', 'dynamicDecay', 'dynamicSegment'], '--dynamic');
  if (!cache) requireNone(flags, ['cacheTheta', 'cacheLambda'], '--cache <n>');
  return {
    ...(dynamic ? { dynamic: dynamicOf(dynamic === true ? 'rms' : dynamic, flags) } : {}),
    ...(cache ? { cache: cacheSettings({ size: cache, theta: flags.cacheTheta, lambda: flags.cacheLambda }) } : {}),
  };
}

function dynamicOf(rule: DynamicRule, flags: AdaptationFlags): DynamicSettings {
  const { dynamicRate: learningRate, dynamicDecay: decay, dynamicSegment: segment } = flags;
  return dynamicSettings({ rule, learningRate, decay, segment });
}

const names: Readonly<Record<keyof AdaptationFlags, string>> = {
  dynamic: '--dynamic',
  dynamicRate: '--dynamic-rate',
  dynamicDecay: '--dynamic-decay',
  dynamicSegment: '--dynamic-segment',
  cache: '--cache',
  cacheTheta: '--cache-theta',
  cacheLambda: '--cache-lambda',
};

function requireNone(flags: AdaptationFlags, given: readonly (keyof AdaptationFlags)[], wanted: string): void {
  for (const name of given) {
    if (flags[name] !== undefined) throw new UsageError(`${names[name]}: needs ${wanted}; give that too`);
  }
}
