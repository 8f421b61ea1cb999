/**
 * The training loop: an async generator of progress. Its consumer (the command, a worker, a test) decides what is shown
 * and when to stop. The loop decides what is computed, which depends on the configuration and the text alone.
 */
import { setImmediate } from 'node:timers/promises';
import type { TrainingRecipe } from '../configuration/recipe.js';
import { UnrollError } from '../errors.js';
import type { Learner, LossSum, UpdateResult, UpdateSettings } from './learners/learner.js';
import { averagingWeightAt, learningRateAt, type Moment } from './schedule.js';

export interface LoopOptions {
  readonly training: TrainingRecipe;
  readonly learner: Learner;
  readonly stepsPerEpoch: number;
  /** The step of the checkpoint that training resumes from; 0 if there is none. */
  readonly checkpointStep: number;
  /** The validation metric after each whole epoch so far; the consumer appends to it. */
  readonly validation: readonly number[];
  /** Ends training after the call that is running, which takes about a second at most. */
  readonly signal?: AbortSignal | undefined;
}

/** Reports one completed update. */
export interface StepProgress extends UpdateResult {
  readonly type: 'step';
  /** Updates made so far. */
  readonly step: number;
  /** Learning rate of this step. */
  readonly learningRate: number;
  /** Seconds that this process took for the step. */
  readonly seconds: number;
}

/** Reports the end of an epoch, or of the part of one at which training ends. Its loss is the epoch's. */
export interface EpochProgress extends LossSum {
  readonly type: 'epoch';
  /** Counted from 1. */
  readonly epoch: number;
  readonly step: number;
  /** False if training ends within the epoch; whoever resumes then needs the lanes' recurrent state. */
  readonly complete: boolean;
  readonly learningRate: number;
}

export type TrainingProgress = StepProgress | EpochProgress;

/** Returns the number of updates in a run. */
export function totalSteps({ epochs, maxSteps }: TrainingRecipe, stepsPerEpoch: number): number {
  return Math.min(epochs * stepsPerEpoch, maxSteps ?? Number.POSITIVE_INFINITY);
}

/**
 * Trains until the epochs or `maxSteps` end, or the signal aborts. The learner decides the current step. After a crash
 * of parameter servers it may be an earlier one; after a restart of this process it may be later than its checkpoint's.
 * @throws UnrollError if the loss or the gradient's norm is no longer a finite number
 */
export async function* trainingSteps(options: LoopOptions): AsyncGenerator<TrainingProgress, void, undefined> {
  const { training, learner, stepsPerEpoch, checkpointStep, signal } = options;
  const last = totalSteps(training, stepsPerEpoch);
  let ended = checkpointStep;
  let { entrances } = learner;
  for (;;) {
    const step = learner.nextStep;
    // A process that has rejoined may have missed the work at the end of this epoch, or have become the chief.
    if (learner.entrances !== entrances) ended = 0;
    entrances = learner.entrances;
    const isEnd = step % stepsPerEpoch === 0 || step === last || signal?.aborted;
    if (isEnd && step !== 0 && step !== ended) {
      yield epochProgress(options, step);
      // If this process entered anew, the epoch's result may have been lost before it could be read.
      if (learner.entrances === entrances) ended = step;
    } else if (signal?.aborted) {
      return;
    } else if (step < last) {
      yield* await makeSteps(options, step);
      // ONNX Runtime computes on this thread: give signals, timers and sockets a turn.
      await setImmediate();
    } else if (await learner.finish()) {
      return;
    }
  }
}

/**
 * Makes as many steps as the learner makes at once, up to the end of the epoch. Returns none if the learner was at
 * another step.
 */
async function makeSteps(options: LoopOptions, step: number): Promise<StepProgress[]> {
  const { training, learner, stepsPerEpoch } = options;
  const epochEnd = step - (step % stepsPerEpoch) + stepsPerEpoch;
  const end = Math.min(step + learner.stepsAtOnce, epochEnd, totalSteps(training, stepsPerEpoch));
  const updates = Array.from({ length: end - step }, (_, k) => settingsOf(options, step + k));
  const began = performance.now();
  const made = await learner.step(updates);
  const seconds = (performance.now() - began) / 1000 / made.length;
  return made.map((result, k) => {
    const { learningRate } = updates[k]!;
    if (!Number.isFinite(result.lossSum)) throw divergence(step + k + 1, learningRate);
    // In mixed precision such a step is skipped, and the loss scaled otherwise.
    if (!Number.isFinite(result.gradientNorm) && training.precision !== 'mixed') {
      throw divergence(step + k + 1, learningRate, 'the gradient’s norm');
    }
    return { type: 'step', step: step + k + 1, ...result, learningRate, seconds };
  });
}

function settingsOf(options: LoopOptions, step: number): UpdateSettings {
  const moment = momentOf(options, step);
  const { training } = options;
  return { learningRate: learningRateAt(training, moment), averagingWeight: averagingWeightAt(training, moment) };
}

function momentOf({ stepsPerEpoch, validation }: LoopOptions, step: number): Moment {
  return { step, stepsPerEpoch, validation };
}

function epochProgress(options: LoopOptions, step: number): EpochProgress {
  const { training, learner, stepsPerEpoch } = options;
  const epoch = Math.ceil(step / stepsPerEpoch);
  return {
    type: 'epoch',
    epoch,
    step,
    complete: step % stepsPerEpoch === 0,
    learningRate: learningRateAt(training, momentOf(options, step - 1)),
    ...learner.epoch,
  };
}

/**
 * Returns the error for a figure that is not finite.
 * @param step the update, counted from 1, at which it showed
 */
export function divergence(step: number, learningRate: number, figure = 'the loss'): UnrollError {
  return new UnrollError(
    `${figure} is not a finite number at step ${step}: training diverged; lower --learning-rate (${learningRate}) or --clip-norm, then go on from the last checkpoint with --resume`,
  );
}
