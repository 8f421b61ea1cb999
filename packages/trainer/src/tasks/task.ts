/**
 * The interface between an application and `unroll train --task`, `eval` and `export`: its data, model, batches and
 * metric. An application does not train itself; `train-task.ts` trains all of them. Language modelling, which also
 * trains on parameter servers, is not a task in this sense.
 */
import type { LossFunction, OnnxGraph, OptimizerConfig, Program, Shapes } from '@unroll/core';
import type { Arrays } from '../checkpoint/checkpoint.js';
import type { TaskName } from './task-names.js';

/** The training settings of a task's model; stored in its checkpoints. */
export interface TaskSettings {
  /**
   * Sizes of the architecture, by the names of their flags: `embedding`, `hidden`, `layers`, `dropout`. Each task has
   * some of them.
   */
  readonly model: Readonly<Record<string, number>>;
  readonly batchSize: number;
  readonly optimizer: OptimizerConfig;
  readonly learningRate: number;
  /** Each epoch multiplies the learning rate by this; 1 keeps it. */
  readonly decay: number;
  readonly clipNorm: number;
  readonly epochs: number;
  /** Stops after this many steps, if the epochs have not ended by then. */
  readonly maxSteps?: number | undefined;
  readonly seed: number;
}

/** Everything that defines a model except its parameters, as JSON: sizes, vocabulary, the scale of its data. */
export type TaskConfig = Readonly<Record<string, unknown>>;

export type TaskSplit = 'train' | 'valid' | 'test';

/** Results by name, such as `accuracy` or `bleu`. */
export type Metrics = Readonly<Record<string, number>>;

export interface Task {
  readonly name: TaskName;
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
  readonly parameters: Shapes;
  initialParameters(seed: number): Arrays;
  /** Returns the loss to minimise over batches of this shape. */
  loss(shape: BatchDimensions): LossFunction;
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

/** Named dimensions of a batch, such as `batch` and `time`. Each combination that occurs is traced and compiled once. */
export type BatchDimensions = Readonly<Record<string, number>>;

export interface TaskBatch {
  readonly shape: BatchDimensions;
  /** The inputs of {@link TaskModel.loss} for this batch. */
  readonly inputs: Readonly<Record<string, Float32Array | Int32Array>>;
  /** Number of examples in the batch, not counting padding. */
  readonly examples: number;
}

export interface TrainingData {
  readonly examples: number;
  /** Identifies these examples; made by `fingerprintOf`. */
  readonly fingerprint: string;
  readonly stepsPerEpoch: number;
  /**
   * Returns the batch of a step, counted from 0. It depends on the seed and the step alone, so a resumed run continues
   * as if it had never stopped. Valid until the next call.
   */
  batchAt(step: number): TaskBatch;
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
  run(
    key: string,
    program: () => Program,
    inputs: Readonly<Record<string, Float32Array | Int32Array>>,
  ): Promise<Record<string, Float32Array>>;
}

export interface TaskBundle {
  readonly graphs: Readonly<Record<string, OnnxGraph>>;
  readonly config: TaskConfig;
}
