/** How a model goes on learning from the text that it is evaluated on; `dynamic-evaluation.ts` has the formulas. */

/** `sgd`, or `rms`, which scales each element's step by how great its gradient usually is in training. */
export type DynamicRule = 'sgd' | 'rms';

export const dynamicRules: readonly DynamicRule[] = ['rms', 'sgd'];

export interface DynamicRates {
  readonly rule: DynamicRule;
  /** η */
  readonly learningRate: number;
  /** λ, in [0, 1]: how much of what was learnt is forgotten at each segment. */
  readonly decay: number;
}
