/** What makes training steps: alone (`local-learner.ts`), or as one worker of parameter servers (`distributed-learner.ts`). */
import type { LanguageModelConfig } from '@unroll/core';
import type { Arrays } from '../checkpoint/checkpoint.js';
import type { LaneBatches } from '../data/batches.js';
import type { Engine, Residents } from '../engines/engine.js';
import type { LaneSlice } from './batch-inputs.js';
import type { TrainingConfig } from './config.js';

/** A loss summed over tokens of this process's lanes, in nats. */
export interface LossSum {
  readonly lossSum: number;
  readonly tokens: number;
}

/** What an update of the model tells of itself. */
export interface StepResult extends LossSum {
  /** The global norm of the gradient of the whole batch, before clipping; in local mode, that of the servers' step. */
  readonly gradientNorm: number;
  /** The updates of others that this one's gradient had not seen, where workers go at their own pace. */
  readonly staleness?: number;
}

/** One of several updates that were made in one go. */
export interface MadeStep extends StepResult {
  /** {@link Learner.epoch} after it. */
  readonly epoch: LossSum;
}

/** What the loop decides of an update. */
export interface UpdateSettings {
  readonly learningRate: number;
  /** Of NT-ASGD, which only a learner alone has. */
  readonly averagingWeight: number;
}

/** Everything that training changes. */
export interface LearnerState {
  readonly parameters: Arrays;
  readonly slots: Arrays;
  /** Of all lanes of the batch. */
  readonly recurrent: Arrays;
}

export interface Learner {
  /** The parameters where the engine keeps them, for evaluation. */
  readonly parameters: Residents;
  /** The update to be made next, counted from 0. */
  readonly nextStep: number;
  /** Whether this process evaluates and writes the checkpoints. In an elastic run that may change when it joins again. */
  readonly isChief: boolean;
  /** How often this process has taken up the run where the parameter servers were. */
  readonly entrances: number;
  /** Since the epoch of the last step began, or since training was resumed within it. */
  readonly epoch: LossSum;
  /**
   * Makes one update.
   * @param averagingWeight of NT-ASGD, which only a learner alone has
   * @returns undefined if it was not made, because the parameter servers were elsewhere: at `nextStep`
   */
  step(learningRate: number, averagingWeight?: number): Promise<StepResult | undefined>;
  /** How many updates {@link stepMany} should be asked for; it is there if this is. */
  readonly stepsAtOnce?: number;
  /** Makes these updates, all of one epoch, as so many calls of {@link step} would, to the same bits, in less time. */
  stepMany?(updates: readonly UpdateSettings[]): Promise<readonly MadeStep[]>;
  /**
   * Waits until all workers have made as many steps, so that `parameters` are of all their work.
   * @returns false if the parameter servers have gone back to an earlier step, `nextStep`
   */
  meet(): Promise<boolean>;
  /**
   * A view of the state; valid until the next step.
   * @returns undefined if the parameter servers have gone back to an earlier step, `nextStep`
   */
  state(): Promise<LearnerState | undefined>;
  /** Whether the servers are still where {@link state} found them, so that nobody else writes the checkpoint. */
  confirm(): Promise<boolean>;
  /** Waits until all workers have made their last step; false if there is more to do after all, from `nextStep` on. */
  finish(): Promise<boolean>;
  dispose(): Promise<void>;
}

export interface LearnerOptions {
  readonly engine: Engine;
  readonly model: LanguageModelConfig;
  readonly training: TrainingConfig;
  /** The text as some lanes of the batch read it. */
  readonly batchesOf: (lanes: LaneSlice) => LaneBatches;
}
