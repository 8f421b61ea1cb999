/**
 * The training loop: an async generator of progress. Its consumer (the command, a worker, a test) decides what is shown
 * and when to stop. The loop decides what is computed, which depends on the configuration and the text alone.
 */
import { setImmediate } from 'node:timers/promises';
import { option } from '../configuration/option-names.js';
import type { TrainingRecipe } from '../configuration/recipe.js';
import { UnrollError } from '../errors.js';
import { Interval } from './course.js';
import type { Learner, LossSum, UpdateResult, UpdateSettings } from './learners/learner.js';
import { averagingWeightAt, learningRateAt, type Moment } from './schedule.js';

export interface LoopOptions {
  readonly training: TrainingRecipe;
  readonly learner: Learner;
  readonly stepsPerEpoch: number;
  /** The step that training begins with; 0 if there is no checkpoint. */
  readonly checkpointStep: number;
  /** Whether an evaluation that is due at `checkpointStep` has been made. */
  readonly isEvaluated: boolean;
  /** The validation metric after each whole epoch so far; the consumer appends to it. */
  readonly validation: readonly number[];
  /** Returns the step at which training ends early, once the consumer knows. */
  readonly earlyStop: () => number | undefined;
  /** Makes the chief end training after the call that is running, which takes about a second at most. */
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

/** A point between two steps at which the model is saved, and perhaps evaluated. Its loss is the epoch's so far. */
export interface Pause extends LossSum {
  readonly type: 'pause';
  /** The epoch that the last step belongs to, counted from 1. */
  readonly epoch: number;
  readonly step: number;
  /** Whether the epoch is whole; otherwise whoever resumes needs the lanes' recurrent state. */
  readonly complete: boolean;
  /** Whether an epoch ends here, or the training. */
  readonly isEnd: boolean;
  /** Whether the model is evaluated before it is saved. */
  readonly evaluates: boolean;
  readonly learningRate: number;
}

export type TrainingProgress = StepProgress | Pause;

/** Returns the number of updates in a run that does not end early. */
export function totalSteps({ epochs, maxSteps }: TrainingRecipe, stepsPerEpoch: number): number {
  return Math.min(epochs * stepsPerEpoch, maxSteps ?? Number.POSITIVE_INFINITY);
}

/**
 * Trains until the epochs or `maxSteps` end, training ends early, or the signal aborts. The learner decides the current
 * step. After a crash of parameter servers it may be an earlier one; after a restart of this process it may be later than
 * its checkpoint's.
 * @throws UnrollError if the loss or the gradient's norm is no longer a finite number
 */
export async function* trainingSteps(options: LoopOptions): AsyncGenerator<TrainingProgress, void, undefined> {
  const { training, learner, stepsPerEpoch, checkpointStep, isEvaluated, signal } = options;
  const last = totalSteps(training, stepsPerEpoch);
  const intervals = { evaluation: new Interval(training.evalEvery), saving: new Interval(training.saveEvery) };
  // The pause that is over; the evaluation of a checkpoint that was written in a hurry is made up for.
  let paused = isEvaluated ? checkpointStep : undefined;
  let { entrances } = learner;
  for (;;) {
    const step = learner.nextStep;
    // A process that has rejoined may have missed the work of this pause, or have become the chief.
    if (learner.entrances !== entrances) paused = undefined;
    entrances = learner.entrances;
    const endsEarly = learner.hasEnded || step >= (options.earlyStop() ?? Number.POSITIVE_INFINITY);
    const isLast = step === last || endsEarly;
    const isInterrupted = signal?.aborted === true && learner.isChief && !isLast;
    const isEnd = step % stepsPerEpoch === 0 || isLast;
    const evaluates = (isEnd || intervals.evaluation.isDue(step)) && !isInterrupted;
    if (step !== 0 && step !== paused && (isInterrupted || evaluates || intervals.saving.isDue(step))) {
      yield pauseAt(options, step, { isEnd: isEnd && !isInterrupted, evaluates });
      intervals.saving.done();
      if (evaluates) intervals.evaluation.done();
      // If this process entered anew, the result may have been lost before it could be read.
      if (learner.entrances === entrances) paused = step;
    } else if (isInterrupted) {
      return;
    } else if (step < last && !endsEarly) {
      const epochEnd = step - (step % stepsPerEpoch) + stepsPerEpoch;
      const nextPauses = Object.values(intervals).map((interval) => interval.nextAfter(step));
      yield* await makeSteps(options, step, Math.min(epochEnd, last, ...nextPauses));
      // ONNX Runtime computes on this thread: give signals, timers and sockets a turn.
      await setImmediate();
    } else if (await learner.finish(endsEarly)) {
      return;
    }
  }
}

/**
 * Makes as many steps as the learner makes at once, up to the next pause. Returns none if the learner was at another
 * step.
 */
async function makeSteps(options: LoopOptions, step: number, pause: number): Promise<StepProgress[]> {
  const { training, learner } = options;
  const end = Math.min(step + learner.stepsAtOnce, pause);
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

function pauseAt(options: LoopOptions, step: number, work: Pick<Pause, 'isEnd' | 'evaluates'>): Pause {
  const { training, learner, stepsPerEpoch } = options;
  return {
    type: 'pause',
    epoch: Math.ceil(step / stepsPerEpoch),
    step,
    complete: step % stepsPerEpoch === 0,
    ...work,
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
    `${figure} is not a finite number at step ${step}: training diverged; lower ${option('learningRate')} (${learningRate}) or ${option('clipNorm')}, then go on from the last checkpoint with ${option('resume')}`,
  );
}
