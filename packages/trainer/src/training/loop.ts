/**
 * The training loop: an async generator of progress. Who consumes it (the command, a worker, a test) decides what is shown
 * and when to stop; the loop decides what is computed, which depends on the configuration and the text alone.
 */
import { setImmediate } from 'node:timers/promises';
import type { LaneBatches } from '../data/batches.js';
import { UnrollError } from '../errors.js';
import { learningRateAt, type TrainingConfig } from './config.js';
import type { Learner } from './learner.js';

export interface TrainingOptions {
  readonly training: TrainingConfig;
  readonly learner: Learner;
  readonly batches: LaneBatches;
  /** Updates that the model has seen already. */
  readonly firstStep: number;
  /** Ends training after the step that is being computed. */
  readonly signal?: AbortSignal | undefined;
}

/** One update is done. */
export interface StepProgress {
  readonly type: 'step';
  /** Updates made so far. */
  readonly step: number;
  /** Of this step, over this worker's lanes. */
  readonly lossSum: number;
  readonly tokens: number;
}

/** An epoch, or the part of one at which training ends, is done. */
export interface EpochProgress {
  readonly type: 'epoch';
  /** Counted from 1. */
  readonly epoch: number;
  readonly step: number;
  /** False where training ends within the epoch; the lanes' recurrent state then matters to who resumes. */
  readonly complete: boolean;
  readonly learningRate: number;
  /** Over this worker's lanes. */
  readonly lossSum: number;
  readonly tokens: number;
}

export type TrainingProgress = StepProgress | EpochProgress;

/** The number of the last update of a run. */
export function totalSteps({ epochs, maxSteps }: TrainingConfig, stepsPerEpoch: number): number {
  return Math.min(epochs * stepsPerEpoch, maxSteps ?? Number.POSITIVE_INFINITY);
}

/**
 * Trains until the epochs or `maxSteps` end, or the signal aborts.
 * @throws UnrollError if the loss is no longer a finite number
 */
export async function* train(options: TrainingOptions): AsyncGenerator<TrainingProgress, void, undefined> {
  const { training, learner, batches, firstStep, signal } = options;
  const { stepsPerEpoch } = batches;
  const last = totalSteps(training, stepsPerEpoch);
  let epochLoss = 0;
  let epochTokens = 0;
  for (let step = firstStep; step < last && !signal?.aborted; step++) {
    const epoch = Math.floor(step / stepsPerEpoch);
    const learningRate = learningRateAt(training, epoch);
    const { lossSum, tokens } = await learner.step(batches.batchAt(step), step, learningRate);
    if (!Number.isFinite(lossSum)) throw divergence(step + 1, learningRate);
    epochLoss += lossSum;
    epochTokens += tokens;
    yield { type: 'step', step: step + 1, lossSum, tokens };
    const complete = (step + 1) % stepsPerEpoch === 0;
    if (complete || step + 1 === last || signal?.aborted) {
      yield {
        type: 'epoch',
        epoch: epoch + 1,
        step: step + 1,
        complete,
        learningRate,
        lossSum: epochLoss,
        tokens: epochTokens,
      };
      epochLoss = 0;
      epochTokens = 0;
    }
    // ONNX Runtime computes on this thread: let signals, timers and sockets have their turn.
    await setImmediate();
  }
}

/** @param step the update, counted from 1, at which it showed */
export function divergence(step: number, learningRate: number): UnrollError {
  return new UnrollError(
    `the loss is not a finite number at step ${step}: training diverged; lower --learning-rate (${learningRate}) or --clip-norm, then go on from the last checkpoint with --resume`,
  );
}
