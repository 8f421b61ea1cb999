/** Notices about a learning rate that a user may not expect, shown before training begins. */

import { counted } from '@unroll/param-server/config';
import { option } from '../configuration/option-names.js';
import type { TrainingRecipe } from '../configuration/recipe.js';
import { totalSteps } from './loop.js';
import { learningRateAt } from './schedule.js';

/** The run that training resumes. */
export interface ResumedRun {
  readonly training: TrainingRecipe;
  readonly step: number;
  readonly validation: readonly number[];
}

/**
 * Returns the notices for this training.
 * @param resumed the state that training resumes from
 */
export function scheduleNotices(
  training: TrainingRecipe,
  stepsPerEpoch: number,
  resumed: ResumedRun | undefined,
): string[] {
  return [...shortWarmup(training, stepsPerEpoch), ...(resumed ? jump(training, stepsPerEpoch, resumed) : [])];
}

function shortWarmup(training: TrainingRecipe, stepsPerEpoch: number): string[] {
  const { warmupSteps, learningRate } = training;
  const steps = totalSteps(training, stepsPerEpoch);
  if (warmupSteps <= steps) return [];
  const highest = short((learningRate * steps) / warmupSteps);
  return [
    `${option('warmupSteps')}: the run ends after ${steps} of the ${counted(warmupSteps, 'step')} in which the learning rate grows: it reaches at most ${highest} of ${learningRate}; give fewer`,
  ];
}

/** With a cosine schedule, another number of epochs gives another rate at the same step. */
function jump(
  training: TrainingRecipe,
  stepsPerEpoch: number,
  { training: before, step, validation }: ResumedRun,
): string[] {
  if (training.schedule.name !== 'cosine' || training.epochs === before.epochs) return [];
  const moment = { step, stepsPerEpoch, validation };
  const [from, to] = [before, training].map((config) => short(learningRateAt(config, moment)));
  return [
    `${option('epochs')}: the cosine schedule now ends after ${counted(training.epochs, 'epoch')} instead of ${before.epochs}: the learning rate goes on from ${to} instead of ${from}`,
  ];
}

function short(rate: number): string {
  return String(Number(rate.toPrecision(2)));
}
