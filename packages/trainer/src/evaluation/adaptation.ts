/** How a language model adapts to the text that it is evaluated on: the settings, and what they are unless given. */
import type { DynamicRates } from '@unroll/core/config';

export interface DynamicSettings extends DynamicRates {
  /** Tokens that are predicted before the model learns from them. */
  readonly segment: number;
}

/**
 * Of `rms` what the authors' code has for words, of Penn Treebank; of `sgd` what did well on a validation text of ours
 * (benchmarks/results.md).
 */
export const defaultRates = {
  rms: { learningRate: 5e-5, decay: 0.002 },
  sgd: { learningRate: 0.1, decay: 0.002 },
} as const;

export const defaultSegment = 5;

export interface CacheSettings {
  /** Tokens that are remembered. */
  readonly size: number;
  /** θ: how much the likeness of two states counts. */
  readonly theta: number;
  /** λ: the cache's part in the mixture. */
  readonly lambda: number;
}

/** θ and λ in the middle of what the paper tries; which are best depends on the model, and a validation text tells. */
export const defaultCache = { theta: 0.3, lambda: 0.1 } as const;

export interface AdaptationSettings {
  readonly dynamic?: DynamicSettings;
  readonly cache?: CacheSettings;
}
