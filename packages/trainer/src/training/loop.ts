/**
 * The training loop: an async generator of progress. Who consumes it (the command, a worker, a test) decides what is shown
 * and when to stop; the loop decides what is computed, which depends on the configuration and the text alone.
 */
import { setImmediate } from 'node:timers/promises';
import { UnrollError } from '../errors.js';
import type { TrainingConfig } from './config.js';
import type { Learner, LossSum, StepResult } from './learner.js';
import { averagingWeightAt, learningRateAt, type Moment } from './schedule.js';

export interface TrainingOptions {
  readonly training: TrainingConfig;
  readonly learner: Learner;
  readonly stepsPerEpoch: number;
  /** The step of the checkpoint that training goes on from; 0 if there is none. */
  readonly checkpointStep: number;
  /** The validation perplexity after each whole epoch so far; grows as they are measured. */
  readonly validation: readonly number[];
  /** Ends training after the step that is being computed. */
  readonly signal?: AbortSignal | undefined;
}

/** One update is done. */
export interface StepProgress extends StepResult {
  readonly type: 'step';
  /** Updates made so far. */
  readonly step: number;
  /** The loss of the epoch so far. */
  readonly epoch: LossSum;
  /** Of this step. */
  readonly learningRate: number;
  /** That this process took for the step. */
  readonly seconds: number;
}

/** An epoch, or the part of one at which training ends, is done. Its loss is that of the epoch. */
export interface EpochProgress extends LossSum {
  readonly type: 'epoch';
  /** Counted from 1. */
  readonly epoch: number;
  readonly step: number;
  /** False where training ends within the epoch; the lanes' recurrent state then matters to who resumes. */
  readonly complete: boolean;
  readonly learningRate: number;
}

export type TrainingProgress = StepProgress | EpochProgress;

/** The number of the last update of a run. */
export function totalSteps({ epochs, maxSteps }: TrainingConfig, stepsPerEpoch: number): number {
  return Math.min(epochs * stepsPerEpoch, maxSteps ?? Number.POSITIVE_INFINITY);
}

/**
 * Trains until the epochs or `maxSteps` end, or the signal aborts. The learner says at which step it is: after a crash of
 * parameter servers that may be an earlier one, and after a restart of this process a later one than its checkpoint's.
 * @throws UnrollError if the loss is no longer a finite number
 */
export async function* train(options: TrainingOptions): AsyncGenerator<TrainingProgress, void, undefined> {
  const { training, learner, stepsPerEpoch, checkpointStep, signal } = options;
  const last = totalSteps(training, stepsPerEpoch);
  let ended = checkpointStep;
  for (;;) {
    const step = learner.nextStep;
    const isEnd = step % stepsPerEpoch === 0 || step === last || signal?.aborted;
    if (isEnd && step !== 0 && step !== ended) {
      yield epochProgress(options, step);
      // Otherwise what the epoch led to was lost before it could be read: it is computed again.
      if (learner.nextStep === step) ended = step;
    } else if (signal?.aborted) {
      return;
    } else if (step < last) {
      const progress = await makeStep(options, step);
      if (progress) yield progress;
      // ONNX Runtime computes on this thread: let signals, timers and sockets have their turn.
      await setImmediate();
    } else if (await learner.finish()) {
      return;
    }
  }
}

async function makeStep(options: TrainingOptions, step: number): Promise<StepProgress | undefined> {
  const { training, learner } = options;
  const moment = momentOf(options, step);
  const learningRate = learningRateAt(training, moment);
  const began = performance.now();
  const loss = await learner.step(learningRate, averagingWeightAt(training, moment));
  const seconds = (performance.now() - began) / 1000;
  if (!loss) return undefined;
  if (!Number.isFinite(loss.lossSum)) throw divergence(step + 1, learningRate);
  return { type: 'step', step: step + 1, ...loss, epoch: learner.epoch, learningRate, seconds };
}

function momentOf({ stepsPerEpoch, validation }: TrainingOptions, step: number): Moment {
  return { step, stepsPerEpoch, validation };
}

function epochProgress(options: TrainingOptions, step: number): EpochProgress {
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

/** @param step the update, counted from 1, at which it showed */
export function divergence(step: number, learningRate: number): UnrollError {
  return new UnrollError(
    `the loss is not a finite number at step ${step}: training diverged; lower --learning-rate (${learningRate}) or --clip-norm, then go on from the last checkpoint with --resume`,
  );
}
