/**
 * Training steps on an engine. Of an adaptive softmax a step's program has room for so many targets in each tail: one with more is
 * compiled anew, with more room. A step's result does not depend on how much there is.
 */
import { type BatchShape, type LanguageModelConfig, type Program, softmaxTails, tailPositions } from '@unroll/core';
import type { Engine, Executable, Residents } from '../engines/engine.js';
import type { TrainingConfig } from './config.js';

type StepInputs = Parameters<Executable['run']>[0];

/** The programs of all steps, by the shape of a batch. */
export interface StepPrograms {
  readonly shape: BatchShape;
  readonly programOf: (shape: BatchShape) => Program;
}

/** @param lanes how many sequences one run takes */
export function stepShape(
  { sequenceLength, recomputeEvery }: Pick<TrainingConfig, 'sequenceLength' | 'recomputeEvery'>,
  lanes: number,
): BatchShape {
  return { batch: lanes, time: sequenceLength, recomputeEvery };
}

/** @returns what takes a tail's positions as many as there are */
export async function compileSteps(
  engine: Engine,
  model: LanguageModelConfig,
  { shape, programOf }: StepPrograms,
  residents: readonly Residents[],
): Promise<Executable> {
  const tails = softmaxTails(model);
  const compile = (tailCapacities?: readonly number[]) =>
    engine.compile(programOf({ ...shape, tailCapacities }), residents);
  return tails.length === 0 ? compile() : new GrowingExecutable(tails.map(tailPositions), shape, compile);
}

class GrowingExecutable implements Executable {
  readonly #names: readonly string[];
  readonly #granularity: number;
  readonly #compile: (capacities: readonly number[]) => Promise<Executable>;
  #capacities: readonly number[];
  #executable: Executable | undefined;

  constructor(
    names: readonly string[],
    { batch, time }: BatchShape,
    compile: (capacities: readonly number[]) => Promise<Executable>,
  ) {
    this.#names = names;
    this.#granularity = granularityOf(batch * time);
    this.#compile = compile;
    this.#capacities = names.map(() => 0);
  }

  async run(inputs: StepInputs): Promise<Record<string, Float32Array>> {
    const executable = await this.#withRoomFor(this.#names.map((name) => inputs[name]!.length));
    const padded = this.#names.map((name, k) => {
      const positions = new Int32Array(this.#capacities[k]!).fill(-1);
      positions.set(inputs[name]!);
      return [name, positions];
    });
    return executable.run({ ...inputs, ...Object.fromEntries(padded) });
  }

  async dispose(): Promise<void> {
    await this.#executable?.dispose();
  }

  async #withRoomFor(counts: readonly number[]): Promise<Executable> {
    if (this.#executable && counts.every((count, k) => count <= this.#capacities[k]!)) return this.#executable;
    await this.#executable?.dispose();
    this.#capacities = counts.map((count, k) =>
      Math.max(this.#capacities[k]!, roundedUp(Math.max(count, 1), this.#granularity)),
    );
    this.#executable = await this.#compile(this.#capacities);
    return this.#executable;
  }
}

/** A sixteenth of a batch, so that programs are few; a multiple of 16, so that sums keep their order whatever the room. */
function granularityOf(rows: number): number {
  return roundedUp(rows / 16, 16);
}

function roundedUp(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple;
}
