/**
 * The training loop: an async generator of progress. Who consumes it (the command, a worker, a test) decides what is shown
 * and when to stop; the loop decides what is computed, which depends on the configuration and the text alone.
 */
import { setImmediate } from 'node:timers/promises';
import { UnrollError } from '../errors.js';
import type { TrainingConfig } from './config.js';
import type { Learner, LossSum, MadeStep, StepResult, UpdateSettings } from './learner.js';
import { averagingWeightAt, learningRateAt, type Moment } from './schedule.js';

export interface TrainingOptions {
  readonly training: TrainingConfig;
  readonly learner: Learner;
  readonly stepsPerEpoch: number;
  /** The step of the checkpoint that training goes on from; 0 if there is none. */
  readonly checkpointStep: number;
  /** The validation perplexity after each whole epoch so far; grows as they are measured. */
  readonly validation: readonly number[];
  /** Ends training after the steps that are being computed, at most about a second's. */
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
  let { entrances } = learner;
  for (;;) {
    const step = learner.nextStep;
    // Whoever has joined again may have missed what was to be done at the end of this epoch, or have become the chief.
    if (learner.entrances !== entrances) ended = 0;
    entrances = learner.entrances;
    const isEnd = step % stepsPerEpoch === 0 || step === last || signal?.aborted;
    if (isEnd && step !== 0 && step !== ended) {
      yield epochProgress(options, step);
      // Otherwise what the epoch led to may have been lost before it could be read.
      if (learner.entrances === entrances) ended = step;
    } else if (signal?.aborted) {
      return;
    } else if (step < last) {
      yield* await makeSteps(options, step);
      // ONNX Runtime computes on this thread: let signals, timers and sockets have their turn.
      await setImmediate();
    } else if (await learner.finish()) {
      return;
    }
  }
}

/** As many as the learner makes at once, but no further than to the end of the epoch; none if it was elsewhere. */
async function makeSteps(options: TrainingOptions, step: number): Promise<StepProgress[]> {
  const { training, learner, stepsPerEpoch } = options;
  const epochEnd = step - (step % stepsPerEpoch) + stepsPerEpoch;
  const end = Math.min(step + (learner.stepsAtOnce ?? 1), epochEnd, totalSteps(training, stepsPerEpoch));
  const updates = Array.from({ length: end - step }, (_, k) => settingsOf(options, step + k));
  const began = performance.now();
  const made = await makeUpdates(learner, updates);
  const seconds = (performance.now() - began) / 1000 / made.length;
  return made.map((result, k) => {
    const { learningRate } = updates[k]!;
    if (!Number.isFinite(result.lossSum)) throw divergence(step + k + 1, learningRate);
    return { type: 'step', step: step + k + 1, ...result, learningRate, seconds };
  });
}

async function makeUpdates(learner: Learner, updates: readonly UpdateSettings[]): Promise<readonly MadeStep[]> {
  if (learner.stepMany) return learner.stepMany(updates);
  const [{ learningRate, averagingWeight }] = updates as [UpdateSettings];
  const result = await learner.step(learningRate, averagingWeight);
  return result ? [{ ...result, epoch: learner.epoch }] : [];
}

function settingsOf(options: TrainingOptions, step: number): UpdateSettings {
  const moment = momentOf(options, step);
  const { training } = options;
  return { learningRate: learningRateAt(training, moment), averagingWeight: averagingWeightAt(training, moment) };
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
