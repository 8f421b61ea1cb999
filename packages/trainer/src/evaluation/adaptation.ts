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

export interface AdaptationSettings {
  readonly dynamic?: DynamicSettings;
  readonly cache?: CacheSettings;
}
