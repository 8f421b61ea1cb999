/** When NT-ASGD begins to average, and how much each iterate counts then; `averaged-sgd.ts` describes the method. */

/**
 * The step, counted from 0, that is averaged first: that after the first epoch whose validation loss is above the best of
 * all but the `patience` epochs before it.
 * @param validation losses or perplexities, one of each epoch so far
 * @returns Infinity as long as there is no such epoch
 */
export function averagingStart(validation: readonly number[], patience: number, stepsPerEpoch: number): number {
  const epoch = validation.findIndex((value, k) => value > Math.min(...validation.slice(0, Math.max(0, k - patience))));
  return epoch < 0 ? Number.POSITIVE_INFINITY : (epoch + 1) * stepsPerEpoch;
}

/** The weight of the iterate of `step` in the average that starts at `start`. */
export function averagingWeight(step: number, start: number): number {
  return step < start ? 1 : 1 / (step - start + 1);
}
