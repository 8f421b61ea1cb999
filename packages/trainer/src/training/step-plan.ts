/**
 * Maps each training step to its batches: one, or those of a round of local steps. A round never crosses the end of an
 * epoch, so the epoch's last round may be shorter.
 */

import { batchesPerStep } from '../configuration/modes.js';
import type { Mode } from '../configuration/variants.js';
import type { TrainingJob } from './job.js';

/** Returns the plan of a job's steps. */
export function stepPlan({ batchesOf, training }: Pick<TrainingJob, 'batchesOf' | 'training'>): StepPlan {
  const { batchesPerEpoch } = batchesOf({ from: 0, to: training.batchSize });
  return new StepPlan(batchesPerEpoch, training.mode);
}

export class StepPlan {
  /** Number of steps that read the training text once. */
  readonly stepsPerEpoch: number;
  readonly #batchesPerEpoch: number;
  readonly #batchesPerStep: number;

  constructor(batchesPerEpoch: number, mode: Mode) {
    this.#batchesPerEpoch = batchesPerEpoch;
    this.#batchesPerStep = batchesPerStep(mode);
    this.stepsPerEpoch = Math.ceil(batchesPerEpoch / this.#batchesPerStep);
  }

  /** Returns how many batches come before a step, both counted from 0 over all epochs. */
  batchesBefore(step: number): number {
    const epochs = Math.floor(step / this.stepsPerEpoch);
    const batches = Math.min((step % this.stepsPerEpoch) * this.#batchesPerStep, this.#batchesPerEpoch);
    return epochs * this.#batchesPerEpoch + batches;
  }
}
