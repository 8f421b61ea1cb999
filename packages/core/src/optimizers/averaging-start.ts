/** The start of averaging in NT-ASGD and the weight of each iterate; `averaged-sgd.ts` describes the method. */

/**
 * The first step to average, counted from 0. It follows the first epoch whose validation loss is above the best of all
 * epochs except the last `patience` ones before it.
 * @param validation losses or perplexities, one for each epoch so far
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
