/**
 * The arithmetic of an optimizer step on a shard's vector, as the server sees it. Servers run `onnx-update-rule.ts`, or
 * `sgd-update-rule.ts` for plain SGD.
 */

import type { ShardValues } from '../shard/messages.js';
import type { ModelDescription } from '../vectors/model.js';
import type { SparseVector } from '../vectors/sparse-vector.js';

/** The scalars of one update, the same for all elements. */
export interface UpdateScalars {
  readonly learningRate: number;
  /** The sum of squares of the whole model's averaged gradient, over all shards. */
  readonly sumOfSquares: number;
  /** 1 for the first update. */
  readonly step: number;
  /** Whether the update may make values that are not finite, so that each has to be looked at: `bounded-growth.ts`. */
  readonly isChecked: boolean;
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

/** An update would make a value NaN or infinite. That value is not written. */
export class NotFinite extends Error {
  override readonly name = 'NotFinite';

  /**
   * @param element where the value is, in elements of the given values
   * @param value NaN, Infinity or -Infinity
   * @param vector `parameters`, or the name of a part of the optimizer's state
   */
  constructor(
    readonly element: number,
    readonly value: number,
    readonly vector: string,
  ) {
    super(`${vector} would become ${value} at element ${element}`);
  }
}

export interface UpdateRule {
  /**
   * Clips the gradient by its global norm and applies the optimizer, in place.
   * @throws NotFinite, if the update is checked, before a value that is not finite is written; other elements may have
   *   been updated
   */
  apply(update: UpdateArguments): Promise<void>;
}

/** Makes the rule for a model's optimizer over a vector of `length` elements. */
export type UpdateRuleFactory = (model: ModelDescription, length: number) => Promise<UpdateRule>;
