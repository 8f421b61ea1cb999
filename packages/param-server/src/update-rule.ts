/**
 * The arithmetic of an optimizer step on a shard's vector, as the server sees it. Servers run `onnx-update-rule.ts`, or
 * `sgd-update-rule.ts` for plain SGD.
 */
import type { ModelDescription } from './model.js';
import type { ShardValues } from './shard/messages.js';
import type { SparseVector } from './sparse-vector.js';

/** The scalars of one update, the same for all elements. */
export interface UpdateScalars {
  readonly learningRate: number;
  /** The sum of squares of the whole model's averaged gradient, over all shards. */
  readonly sumOfSquares: number;
  /** 1 for the first update. */
  readonly step: number;
}

export interface UpdateArguments extends UpdateScalars {
  /** Overwritten with the values after the update. */
  readonly values: ShardValues;
  /**
   * The gradient averaged over the workers, not yet clipped; as long as the parameters. Elements outside of its ranges
   * must not be updated.
   */
  readonly gradient: SparseVector;
}

export interface UpdateRule {
  /** Clips the gradient by its global norm and applies the optimizer, in place. */
  apply(update: UpdateArguments): Promise<void>;
}

/** Makes the rule for a model's optimizer over a vector of `length` elements. */
export type UpdateRuleFactory = (model: ModelDescription, length: number) => Promise<UpdateRule>;
