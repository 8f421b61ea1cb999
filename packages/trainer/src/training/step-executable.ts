/**
 * Runs training steps on an engine. With an adaptive softmax, a program has room for a fixed number of targets in each
 * tail. A step with more targets is compiled anew, with more room. Its result does not depend on the room.
 */
import type { BatchShape, LanguageModelConfig, Program } from '@unroll/core';
import { softmaxTails } from '@unroll/core/config';
import { tailPositions } from '@unroll/core/internal';
import { type Engine, type Executable, type Residents, type RunInputs, runMany } from '../engines/engine.js';
import type { TrainingConfig } from './config.js';

/** The program of a step, by the shape of its batch. */
export interface StepPrograms {
  readonly shape: BatchShape;
  readonly programOf: (shape: BatchShape) => Program;
}

/**
 * Returns the shape of a step's batch.
 * @param lanes number of sequences in one run
 */
export function stepShape(
  { sequenceLength, recomputeEvery }: Pick<TrainingConfig, 'sequenceLength' | 'recomputeEvery'>,
  lanes: number,
): BatchShape {
  return { batch: lanes, time: sequenceLength, recomputeEvery };
}

/**
 * Compiles the steps' program.
 * @returns an executable that takes any number of positions in an adaptive softmax's tails
 */
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

  async run(inputs: RunInputs): Promise<Record<string, Float32Array>> {
    const executable = await this.#withRoomFor([inputs]);
    return executable.run(this.#padded(inputs));
  }

  async runMany(count: number, inputsOf: (run: number) => RunInputs): Promise<Record<string, Float32Array>[]> {
    const inputs = Array.from({ length: count }, (_, run) => copyOf(inputsOf(run)));
    const executable = await this.#withRoomFor(inputs);
    return runMany(executable, count, (run) => this.#padded(inputs[run]!));
  }

  async dispose(): Promise<void> {
    await this.#executable?.dispose();
  }

  async #withRoomFor(runs: readonly RunInputs[]): Promise<Executable> {
    const counts = this.#names.map((name) => Math.max(...runs.map((inputs) => inputs[name]!.length)));
    if (this.#executable && counts.every((count, k) => count <= this.#capacities[k]!)) return this.#executable;
    await this.#executable?.dispose();
    this.#capacities = counts.map((count, k) =>
      Math.max(this.#capacities[k]!, roundedUp(Math.max(count, 1), this.#granularity)),
    );
    this.#executable = await this.#compile(this.#capacities);
    return this.#executable;
  }

  #padded(inputs: RunInputs): RunInputs {
    const padded = this.#names.map((name, k) => {
      const positions = new Int32Array(this.#capacities[k]!).fill(-1);
      positions.set(inputs[name]!);
      return [name, positions];
    });
    return { ...inputs, ...Object.fromEntries(padded) };
  }
}

/** Copies arrays that may be refilled for the next run. */
function copyOf(inputs: RunInputs): RunInputs {
  return Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, values.slice()]));
}

/**
 * Returns a sixteenth of a batch, so that there are few programs. It is a multiple of 16, so that sums keep their order
 * for any room.
 */
function granularityOf(rows: number): number {
  return roundedUp(rows / 16, 16);
}

function roundedUp(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple;
}
