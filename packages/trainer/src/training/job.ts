/**
 * The interface of everything that `run.ts` trains: a model with its data, its start, its evaluation and its checkpoints. A language model
 * (`language-model-job.ts`) and every application (`tasks/task-job.ts`) are prepared as a job.
 */
import type { Trainable } from '@unroll/core/internal';
import type { SnapshotPolicy } from '@unroll/param-server/client';
import type { Arrays } from '../checkpoint/arrays.js';
import type { TrainingRecipe } from '../configuration/recipe.js';
import type { Engine, Residents } from '../engines/engine.js';
import type { Better, EvaluationResult } from './course.js';
import type { BatchesOf } from './learners/batch-source.js';
import type { LearnerState } from './learners/learner.js';
import type { RowTables } from './learners/row-tables.js';
import type { Pause } from './loop.js';

export interface TrainingJob {
  readonly training: TrainingRecipe;
  readonly model: Trainable;
  readonly batchesOf: BatchesOf;
  readonly tables?: RowTables | undefined;
  readonly facts: JobFacts;
  /** Where training starts: a checkpoint, or the beginning. */
  readonly start: JobStart;
  /** A hash that is equal for jobs that compute the same, whatever their length. */
  readonly fingerprint: string;
  /** Lines for the user, before training begins. */
  readonly notices: readonly string[];
  /** Returns the number of tokens or examples of a batch of all lanes, counted from 0 over all epochs. */
  countOf(batch: number): number;
  /** Creates what evaluates the current values of the residents `parameters`. */
  evaluator(engine: Engine, parameters: Residents): JobEvaluator;
  readonly checkpoints: JobCheckpoints;
  /** Says whether snapshots that the servers have are used, discarded or refused, like a checkpoint in the folder. */
  readonly snapshots: SnapshotPolicy;
}

/** Facts about a job, for people. */
export interface JobFacts {
  /** The application; absent for a language model. */
  readonly task?: string;
  /** The unit in which losses and progress count. */
  readonly unit: 'tokens' | 'examples';
  /** The number of tokens or examples for training. */
  readonly trainCount: number;
  /** The number of tokens or examples for validation. */
  readonly validCount: number;
  /** Size of a language model's vocabulary. */
  readonly vocabSize?: number;
  /** The name of the validation metric. */
  readonly metric: string;
  readonly better: Better;
}

export interface JobStart {
  /** Number of updates so far. */
  readonly step: number;
  /** The validation metric after each whole epoch so far, negated if a higher one is better. */
  readonly validation: readonly number[];
  /** All evaluations so far; absent in a checkpoint of an older version. */
  readonly evaluations?: readonly EvaluationResult[] | undefined;
  /** Returns the parameters. */
  readonly parameters: () => Arrays;
  /** Optimizer slots; absent ones are zero. */
  readonly slots?: Arrays | undefined;
  /** The state of the lanes; absent at the beginning of an epoch, unless they carry statistics. */
  readonly recurrent?: Arrays | undefined;
}

export interface JobEvaluator extends AsyncDisposable {
  /**
   * Computes the validation metric, yielding the number of completed tokens or examples from time to time.
   * @param statistics of a model that has some
   */
  evaluate(statistics: Arrays): AsyncGenerator<number, number, undefined>;
  /** Continues the text of `--sample`; absent if there is none. */
  sample?(): Promise<string>;
}

/** The facts about a run that a checkpoint of its job tells. */
export interface CheckpointedRun {
  readonly step: number;
  readonly validation: readonly number[];
  readonly evaluations?: readonly EvaluationResult[] | undefined;
}

/** The best evaluation so far, by the validation metric. */
export interface BestEvaluation {
  /** The epoch that it was made in or at the end of, counted from 1. */
  readonly epoch: number;
  /** Number of updates; absent in a checkpoint of an older version. */
  readonly step?: number | undefined;
  readonly value: number;
}

/** What there is to save at a pause of the training. */
export interface PauseResult {
  readonly pause: Pause;
  /** The validation metric, if the model was evaluated. */
  readonly value: number | undefined;
  readonly evaluations: readonly EvaluationResult[];
  /** The metric after each whole epoch so far, negated if a higher one is better. */
  readonly validation: readonly number[];
  readonly state: LearnerState;
}

export interface JobCheckpoints {
  /** The folder of the run's checkpoint. */
  readonly folder: string;
  /** Reads how far the checkpoint is that another process of this run has written, if there is one. */
  takeOver(): Promise<CheckpointedRun | undefined>;
  /**
   * Writes a checkpoint.
   * @param isDue says, when all is written, whether it may replace the one before
   * @returns false where it did not
   */
  write(result: PauseResult, isDue: () => Promise<boolean>): Promise<boolean>;
  /** The evaluation whose parameters a checkpoint keeps as its model; undefined if they are always the latest. */
  readonly best?: BestEvaluation | undefined;
}
