/** Settings of how a language model adapts to the text that it is evaluated on, with their defaults. */
import type { DynamicRates } from '@unroll/core/config';

export interface DynamicSettings extends DynamicRates {
  /** Number of tokens that are predicted before the model learns from them. */
  readonly segment: number;
}

/**
 * Default rates. Those of `rms` are from the authors' code for words, of Penn Treebank. Those of `sgd` did well on a
 * validation text of ours (benchmarks/results.md).
 */
export const defaultRates = {
  rms: { learningRate: 5e-5, decay: 0.002 },
  sgd: { learningRate: 0.1, decay: 0.002 },
} as const;

export const defaultSegment = 5;

export interface CacheSettings {
  /** Number of tokens that are remembered. */
  readonly size: number;
  /** θ: how strongly the similarity of two states counts. */
  readonly theta: number;
  /** λ: the cache's share of the mixture. */
  readonly lambda: number;
}

/**
 * θ and λ are in the middle of the range that the paper tries. The best values depend on the model; find them on a
 * validation text.
 */
export const defaultCache = { theta: 0.3, lambda: 0.1 } as const;

/** Dynamic evaluation with what is to differ from its defaults; `rms` unless told otherwise. */
export type DynamicOptions = { readonly [Field in keyof DynamicSettings]?: DynamicSettings[Field] | undefined };

/** A neural cache with what is to differ from its defaults. */
export type CacheOptions = Pick<CacheSettings, 'size'> & {
  readonly [Field in keyof CacheSettings]?: CacheSettings[Field] | undefined;
};

export function dynamicSettings({ rule = 'rms', learningRate, decay, segment }: DynamicOptions): DynamicSettings {
  const rates = defaultRates[rule];
  return {
    rule,
    learningRate: learningRate ?? rates.learningRate,
    decay: decay ?? rates.decay,
    segment: segment ?? defaultSegment,
  };
}

export function cacheSettings({ size, theta, lambda }: CacheOptions): CacheSettings {
  return { size, theta: theta ?? defaultCache.theta, lambda: lambda ?? defaultCache.lambda };
}

export interface AdaptationSettings {
  readonly dynamic?: DynamicSettings;
  readonly cache?: CacheSettings;
}
