/**
 * The interface between an application and `unroll train --task`, `eval` and `export`: its data, model, batches and
 * metric. An application does not train itself: `task-job.ts` makes a training job of every one.
 */
import type { OnnxGraph, Program } from '@unroll/core';
import type { Trainable } from '@unroll/core/internal';
import type { Arrays } from '../checkpoint/arrays.js';
import type { TrainingRecipe } from '../configuration/recipe.js';
import type { BatchesOf, Inputs } from '../training/learners/batch-source.js';

/** The training settings of a task's model; stored in its checkpoints. */
export interface TaskSettings extends TrainingRecipe {
  /**
   * Sizes of the architecture, by the names of their flags: `embeddingDim`, `hiddenDim`, `dropout`. Each task has
   * some of them.
   */
  readonly model: Readonly<Record<string, number>>;
}

/** Everything that defines a model except its parameters, as JSON: sizes, vocabulary, the scale of its data. */
export type TaskConfig = Readonly<Record<string, unknown>>;

export type TaskSplit = 'train' | 'valid' | 'test';

/** Results by name, such as `accuracy` or `bleu`. */
export type Metrics = Readonly<Record<string, number>>;

export interface Task {
  /** Its name in `--task` and in checkpoints. */
  readonly name: string;
  /** Description of the value of `--data`, for the help and for messages. */
  readonly data: string;
  readonly defaults: TaskSettings;
  /** The validation metric that selects the best epoch, whose parameters become the checkpoint's model. */
  readonly selection: { readonly metric: string; readonly better: 'higher' | 'lower' };
  /**
   * Returns the configuration of an untrained model for this data. Reads only the training part.
   * @throws UnrollError naming the file that is missing or wrong
   */
  configure(data: string, settings: TaskSettings): Promise<TaskConfig>;
  /**
   * Builds the model of a configuration, which may come from an edited file.
   * @throws Error naming what is wrong with the configuration
   */
  model(config: TaskConfig): TaskModel;
}

export interface TaskModel {
  readonly trainable: Trainable;
  initialParameters(seed: number): Arrays;
  /**
   * Reads the training part.
   * @throws UnrollError naming the file that is missing or wrong
   */
  trainingData(data: string, settings: TaskSettings): Promise<TrainingData>;
  /**
   * Reads a part for validation or test.
   * @throws UnrollError naming the file that is missing or wrong
   */
  heldOutData(data: string, split: TaskSplit): Promise<HeldOutData>;
  /**
   * Returns the contents of an edge bundle: graphs by name, with their parameters, and the configuration that the
   * runtime reads.
   */
  bundle(parameters: Arrays): TaskBundle;
}

export interface TrainingData {
  readonly examples: number;
  /** Identifies these examples; made by `fingerprintOf`. */
  readonly fingerprint: string;
  readonly batchesOf: BatchesOf;
  /** Returns the number of examples of a batch of all lanes, counted from 0 over all epochs. */
  countOf(batch: number): number;
}

export interface HeldOutData {
  readonly examples: number;
  /** Computes the metric of {@link Task.selection}. It must be quick, as it runs after every epoch. */
  validate(programs: Programs): Promise<number>;
  /** Computes all metrics, including that of {@link validate}. */
  evaluate(programs: Programs): Promise<Metrics>;
}

/** Runs programs on the model's current parameters. */
export interface Programs {
  /**
   * Runs a program, compiling it on the first use of its key.
   * @returns its outputs; the next run overwrites them
   */
  run(key: string, program: () => Program, inputs: Readonly<Inputs>): Promise<Record<string, Float32Array>>;
}

export interface TaskBundle {
  readonly graphs: Readonly<Record<string, OnnxGraph>>;
  readonly config: TaskConfig;
}
