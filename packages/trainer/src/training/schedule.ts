/**
 * The learning rate over the course of a training. It is a function of the configuration, the step and the validation
 * perplexities so far alone: a resumed run continues as the uninterrupted one would have.
 */
import { averagingStart, averagingWeight } from '@unroll/core/config';
import type { TrainingRecipe } from '../configuration/recipe.js';

/** A point in the course of a training. */
export interface Moment {
  /** The next update, counted from 0. */
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** Validation perplexity after each whole epoch so far. */
  readonly validation: readonly number[];
}

/**
 * Returns the learning rate of an update: the schedule's, reduced during the first `warmupSteps` steps to a linear
 * growth (Goyal et al. 2017).
 */
export function learningRateAt(training: TrainingRecipe, moment: Moment): number {
  const { learningRate, warmupSteps } = training;
  const warm = Math.min(1, (moment.step + 1) / Math.max(1, warmupSteps));
  return learningRate * scheduled(training, moment) * warm;
}

/** Returns the schedule's factor for the learning rate, in [0, 1]. */
function scheduled({ schedule, epochs }: TrainingRecipe, { step, stepsPerEpoch, validation }: Moment): number {
  const epoch = Math.floor(step / stepsPerEpoch);
  switch (schedule.name) {
    case 'step':
      return schedule.decay ** Math.max(0, epoch - schedule.constantEpochs + 1);
    case 'cosine':
      return (1 + Math.cos((Math.PI * step) / (epochs * stepsPerEpoch))) / 2;
    case 'plateau':
      return schedule.decay ** plateaus(validation.slice(0, epoch), schedule.patience);
  }
}

/** Counts how often the perplexity has not improved for more than `patience` epochs in a row. */
function plateaus(validation: readonly number[], patience: number): number {
  let best = Number.POSITIVE_INFINITY;
  let waited = 0;
  let count = 0;
  for (const perplexity of validation) {
    waited = perplexity < best ? 0 : waited + 1;
    best = Math.min(best, perplexity);
    if (waited <= patience) continue;
    count += 1;
    waited = 0;
  }
  return count;
}

/** Returns the weight of this update's iterate in NT-ASGD's average; 1 for every other optimizer. */
export function averagingWeightAt({ optimizer }: TrainingRecipe, moment: Moment): number {
  if (optimizer.name !== 'nt-asgd') return 1;
  return averagingWeight(moment.step, averagingStart(moment.validation, optimizer.patience, moment.stepsPerEpoch));
}
