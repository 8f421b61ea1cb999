/** Trains a task's model: keeps its parameters on an engine, with one compiled training step for each shape of batch. */
import { lossTrainingProgram, type Program, slotShapes, type UpdateRecipe } from '@unroll/core';
import type { Arrays } from '../checkpoint/checkpoint.js';
import { type Engine, type Residents, residentValues } from '../engines/engine.js';
import { RecentExecutables } from '../engines/recent-executables.js';
import { copyAll } from '../engines/residents.js';
import type { Programs, TaskBatch, TaskModel } from './task.js';

export interface TaskStart {
  readonly parameters: Arrays;
  /** Optimizer slots; absent ones are zero. */
  readonly slots?: Arrays;
}

/** The part of a task's model that training needs. */
type LearntModel = Pick<TaskModel, 'parameters' | 'loss'>;

/** Compiles each program on the first use of its key, and keeps the recently used ones. */
export class CompiledPrograms implements Programs, AsyncDisposable {
  readonly #engine: Engine;
  readonly #residents: readonly Residents[];
  readonly #executables = new RecentExecutables();

  /** @param residents the arrays that the programs read, and replace by their outputs `next.x` */
  constructor(engine: Engine, residents: readonly Residents[]) {
    this.#engine = engine;
    this.#residents = residents;
  }

  async run(key: string, program: () => Program, inputs: TaskBatch['inputs']): Promise<Record<string, Float32Array>> {
    const { executable } = await this.#executables.get(key, async () => ({
      executable: await this.#engine.compile(program(), this.#residents),
    }));
    return executable.run(inputs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#executables.dispose();
  }
}

export class TaskLearner implements AsyncDisposable {
  /** Runs programs on the current parameters, for evaluation. */
  readonly programs: Programs;
  readonly #model: LearntModel;
  readonly #settings: UpdateRecipe;
  readonly #parameters: Residents;
  readonly #slots: Residents;
  readonly #compiled: CompiledPrograms;

  constructor(engine: Engine, model: LearntModel, settings: UpdateRecipe, { parameters, slots = {} }: TaskStart) {
    this.#model = model;
    this.#settings = settings;
    this.#parameters = engine.allocate(residentValues(model.parameters, parameters));
    this.#slots = engine.allocate(residentValues(slotShapes(settings.optimizer, model.parameters), slots));
    this.#compiled = new CompiledPrograms(engine, [this.#parameters, this.#slots]);
    this.programs = this.#compiled;
  }

  /**
   * Makes one update.
   * @param step counted from 0
   * @returns the batch's loss before the update
   */
  async step(batch: TaskBatch, step: number, learningRate: number): Promise<number> {
    const key = `training ${JSON.stringify(batch.shape)}`;
    const program = () => lossTrainingProgram(this.#model.loss(batch.shape), this.#settings);
    const scalars = { learningRate: Float32Array.of(learningRate), step: Float32Array.of(step + 1) };
    const { loss } = await this.#compiled.run(key, program, { ...batch.inputs, ...scalars });
    return loss![0]!;
  }

  /** Copies everything that training changes. */
  async state(): Promise<{ parameters: Arrays; slots: Arrays }> {
    return { parameters: await copyAll(this.#parameters), slots: await copyAll(this.#slots) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#compiled[Symbol.asyncDispose]();
    this.#parameters.dispose();
    this.#slots.dispose();
  }
}
