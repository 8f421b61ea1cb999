/** Settings of dynamic evaluation; `dynamic-evaluation.ts` has the formulas. */

/**
 * The update rule: `sgd`, or `rms`, which scales each element's step by the usual size of its gradient in training.
 */
export type DynamicRule = 'sgd' | 'rms';

export const dynamicRules: readonly DynamicRule[] = ['rms', 'sgd'];

export interface DynamicRates {
  readonly rule: DynamicRule;
  /** The learning rate η. */
  readonly learningRate: number;
  /** The decay λ, in [0, 1]: the share of the learned offset that each segment forgets. */
  readonly decay: number;
}
