/**
 * The interface that makes training steps: alone (`local-learner.ts`), or as one worker of parameter servers
 * (`distributed-learner.ts`).
 */
import type { Trainable } from '@unroll/core/internal';
import type { Arrays } from '../../checkpoint/arrays.js';
import type { TrainingRecipe } from '../../configuration/recipe.js';
import type { Engine, Residents } from '../../engines/engine.js';
import type { BatchesOf } from './batch-source.js';
import type { RowTables } from './row-tables.js';

/** A loss summed over tokens or examples of this process's lanes; of language models, in nats. */
export interface LossSum {
  readonly lossSum: number;
  /** The number of tokens or examples. */
  readonly count: number;
}

/** The figures of one update. */
export interface UpdateResult extends LossSum {
  /** Global norm of the whole batch's gradient before clipping. In local mode: of the servers' step. */
  readonly gradientNorm: number;
  /**
   * Number of updates by other workers that this update's gradient was computed without; only where workers go at their
   * own pace.
   */
  readonly staleness?: number;
  /** {@link Learner.epoch} after this update. */
  readonly epoch: LossSum;
}

/** The settings that the loop chooses for each update. */
export interface UpdateSettings {
  readonly learningRate: number;
  /** Weight in the average of NT-ASGD, which only a learner that trains alone supports; default 1. */
  readonly averagingWeight?: number;
}

/** Everything that training changes. */
export interface LearnerState {
  readonly parameters: Arrays;
  readonly slots: Arrays;
  /** Recurrent state of all lanes of the batch. */
  readonly recurrent: Arrays;
}

export interface Learner {
  /** The parameters where the engine keeps them, for evaluation. */
  readonly parameters: Residents;
  /** The update to be made next, counted from 0. */
  readonly nextStep: number;
  /** Whether this process evaluates and writes the checkpoints. In an elastic run this may change when it rejoins. */
  readonly isChief: boolean;
  /** Number of times that this process has taken over the parameter servers' step and state. */
  readonly entrances: number;
  /** Loss since the epoch of the last step began, or since training was resumed within it. */
  readonly epoch: LossSum;
  /** The recommended number of updates per call of {@link step}. */
  readonly stepsAtOnce: number;
  /**
   * Makes these updates, {@link stepsAtOnce} at most and all of one epoch. The result equals as many calls with one
   * update each, bit for bit, in less time.
   * @returns none if no update was made because the parameter servers were at another step; it is now `nextStep`
   */
  step(updates: readonly UpdateSettings[]): Promise<readonly UpdateResult[]>;
  /**
   * Waits at a barrier until all workers have made the same number of steps; then `parameters` contain all their
   * updates.
   * @returns false if the parameter servers have gone back to an earlier step, now `nextStep`
   */
  meet(): Promise<boolean>;
  /**
   * Returns a view of the state; valid until the next step.
   * @returns undefined if the parameter servers have gone back to an earlier step, now `nextStep`
   */
  state(): Promise<LearnerState | undefined>;
  /** Whether the servers are still at the step at which {@link state} read them, so that no one else writes the checkpoint. */
  confirm(): Promise<boolean>;
  /** Whether the chief has ended the training before its last step. */
  readonly hasEnded: boolean;
  /**
   * Waits until all workers have made their last step. Returns false if there are more steps to make after all, from
   * `nextStep` on.
   * @param isEarly whether training ends here, before its last step; the chief then tells the other workers
   */
  finish(isEarly: boolean): Promise<boolean>;
  dispose(): Promise<void>;
}

export interface LearnerOptions {
  readonly engine: Engine;
  readonly model: Trainable;
  readonly training: TrainingRecipe;
  readonly batchesOf: BatchesOf;
  /** The tables of which a worker of parameter servers holds only some rows; none by default. */
  readonly tables?: RowTables | undefined;
}
