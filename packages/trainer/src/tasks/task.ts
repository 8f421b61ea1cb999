/**
 * What an application gives so that `unroll train --task`, `eval` and `export` can work with it: its data, its model, its
 * batches and its metric. It trains nothing itself: that is `train-task.ts`, the same for all. Language modelling, which
 * also trains on parameter servers, is no task in this sense.
 */
import type { LossFunction, OnnxGraph, OptimizerConfig, Program, Shapes } from '@unroll/core';
import type { Arrays } from '../checkpoint/checkpoint.js';
import type { TaskName } from './task-names.js';

/** How a task's model is trained; stored with its checkpoints. */
export interface TaskSettings {
  /** The architecture, by the names of the flags: `embedding`, `hidden`, `layers`, `dropout`. A task has some of them. */
  readonly model: Readonly<Record<string, number>>;
  readonly batchSize: number;
  readonly optimizer: OptimizerConfig;
  readonly learningRate: number;
  /** Each epoch multiplies the learning rate by this; 1 keeps it. */
  readonly decay: number;
  readonly clipNorm: number;
  readonly epochs: number;
  /** Stop after so many steps, if the epochs have not ended by then. */
  readonly maxSteps?: number | undefined;
  readonly seed: number;
}

/** What makes a model but for its parameters, as JSON: sizes, vocabulary, the scale of its data. */
export type TaskConfig = Readonly<Record<string, unknown>>;

export type TaskSplit = 'train' | 'valid' | 'test';

/** Results by name, `accuracy` or `bleu`. */
export type Metrics = Readonly<Record<string, number>>;

export interface Task {
  readonly name: TaskName;
  /** What `--data` takes, for the help and for messages. */
  readonly data: string;
  readonly defaults: TaskSettings;
  /** Of the validation: by which the best epoch is told, whose parameters are the checkpoint's model. */
  readonly selection: { readonly metric: string; readonly better: 'higher' | 'lower' };
  /**
   * The configuration of an untrained model for this data: reads the training part, and it alone.
   * @throws UnrollError naming the file that is missing or wrong
   */
  configure(data: string, settings: TaskSettings): Promise<TaskConfig>;
  /** @throws Error saying what is wrong with the configuration; it may come from a file that was edited */
  model(config: TaskConfig): TaskModel;
}

export interface TaskModel {
  readonly parameters: Shapes;
  initialParameters(seed: number): Arrays;
  /** What is minimised over batches of this shape. */
  loss(shape: BatchDimensions): LossFunction;
  /** @throws UnrollError naming the file that is missing or wrong */
  trainingData(data: string, settings: TaskSettings): Promise<TrainingData>;
  /** @throws UnrollError naming the file that is missing or wrong */
  heldOutData(data: string, split: TaskSplit): Promise<HeldOutData>;
  /** What an edge bundle holds: graphs by name, which carry their parameters, and the configuration that the runtime reads. */
  bundle(parameters: Arrays): TaskBundle;
}

/** The dimensions of a batch, `batch` and `time` say. Each that occurs is traced and compiled once. */
export type BatchDimensions = Readonly<Record<string, number>>;

export interface TaskBatch {
  readonly shape: BatchDimensions;
  /** The batch's inputs of {@link TaskModel.loss}. */
  readonly inputs: Readonly<Record<string, Float32Array | Int32Array>>;
  /** Examples in it; those that only fill it up do not count. */
  readonly examples: number;
}

export interface TrainingData {
  readonly examples: number;
  /** Tells these examples from others: `fingerprintOf` them. */
  readonly fingerprint: string;
  readonly stepsPerEpoch: number;
  /** The batch of a step, counted from 0: a function of the seed and the step alone, so that a resumed run goes on as if
   * it had never stopped. Valid until the next call. */
  batchAt(step: number): TaskBatch;
}

export interface HeldOutData {
  readonly examples: number;
  /** The metric of {@link Task.selection}, which has to be quick: it is taken after every epoch. */
  validate(programs: Programs): Promise<number>;
  /** Everything that is to be known of the model, {@link validate}'s metric included. */
  evaluate(programs: Programs): Promise<Metrics>;
}

/** Runs programs on the model's current parameters. */
export interface Programs {
  /**
   * Runs a program, which is compiled when its key is first seen.
   * @returns its outputs, overwritten by the next run
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
