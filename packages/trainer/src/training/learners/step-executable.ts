/**
 * Runs the program of training steps on an engine: it is compiled once for each shape of batch. With an adaptive
 * softmax, a program has room for a fixed number of targets in each tail. A step with more targets is compiled anew,
 * with more room. Its result does not depend on the room.
 */
import type { Program } from '@unroll/core';
import type { BatchDimensions } from '@unroll/core/internal';
import { type Engine, type Executable, type Residents, type RunInputs, runMany } from '../../engines/engine.js';
import { RecentExecutables } from '../../engines/recent-executables.js';
import type { TrainingBatch } from './batch-source.js';

export interface StepProgram {
  /** Returns the program for a shape of batch; see `Trainable.updateProgram`. */
  readonly programOf: (shape: BatchDimensions, room?: readonly number[]) => Program;
  /** See `Trainable.lists`. */
  readonly lists?: readonly string[] | undefined;
}

type Outputs = Record<string, Float32Array>;

export class StepExecutable {
  readonly #engine: Engine;
  readonly #step: StepProgram;
  readonly #residents: readonly Residents[];
  readonly #executables = new RecentExecutables();

  constructor(engine: Engine, step: StepProgram, residents: readonly Residents[]) {
    this.#engine = engine;
    this.#step = step;
    this.#residents = residents;
  }

  /** Compiles the program for this shape, before the first batch comes. */
  async prepare(shape: BatchDimensions): Promise<void> {
    await this.#executableOf(shape);
  }

  /**
   * Runs the program.
   * @param shape the shape of the batch in `inputs`
   * @returns its outputs; the next run overwrites them
   */
  async run(shape: BatchDimensions, inputs: RunInputs): Promise<Outputs> {
    const executable = await this.#executableOf(shape);
    return executable.run(inputs);
  }

  /**
   * Does as much as a call of {@link run} for each batch, to the same bits.
   * @param scalars for each batch, the inputs beside it
   */
  async runMany(batches: readonly TrainingBatch[], scalars: readonly RunInputs[]): Promise<Outputs[]> {
    const outputs: Outputs[] = [];
    while (outputs.length < batches.length) {
      const first = outputs.length;
      const { shape } = batches[first]!;
      const other = batches.findIndex((batch, k) => k > first && keyOf(batch.shape) !== keyOf(shape));
      const count = (other === -1 ? batches.length : other) - first;
      const inputsOf = (k: number) => ({ ...batches[first + k]!.fill(), ...scalars[first + k] });
      outputs.push(...(await runMany(await this.#executableOf(shape), count, inputsOf)));
    }
    return outputs;
  }

  async dispose(): Promise<void> {
    await this.#executables.dispose();
  }

  async #executableOf(shape: BatchDimensions): Promise<Executable> {
    const { executable } = await this.#executables.get(keyOf(shape), async () => ({
      executable: await this.#compiled(shape),
    }));
    return executable;
  }

  async #compiled(shape: BatchDimensions): Promise<Executable> {
    const { programOf, lists = [] } = this.#step;
    const compile = (room?: readonly number[]) => this.#engine.compile(programOf(shape, room), this.#residents);
    return lists.length === 0 ? compile() : new GrowingExecutable(lists, shape, compile);
  }
}

function keyOf(shape: BatchDimensions): string {
  return JSON.stringify(shape);
}

class GrowingExecutable implements Executable {
  readonly #names: readonly string[];
  readonly #granularity: number;
  readonly #compile: (room: readonly number[]) => Promise<Executable>;
  #room: readonly number[];
  #executable: Executable | undefined;

  constructor(
    names: readonly string[],
    shape: BatchDimensions,
    compile: (room: readonly number[]) => Promise<Executable>,
  ) {
    this.#names = names;
    this.#granularity = granularityOf(Object.values(shape).reduce((rows, size) => rows * size, 1));
    this.#compile = compile;
    this.#room = names.map(() => 0);
  }

  async run(inputs: RunInputs): Promise<Outputs> {
    const executable = await this.#withRoomFor([inputs]);
    return executable.run(this.#padded(inputs));
  }

  async runMany(count: number, inputsOf: (run: number) => RunInputs): Promise<Outputs[]> {
    const inputs = Array.from({ length: count }, (_, run) => copyOf(inputsOf(run)));
    const executable = await this.#withRoomFor(inputs);
    return runMany(executable, count, (run) => this.#padded(inputs[run]!));
  }

  async dispose(): Promise<void> {
    await this.#executable?.dispose();
  }

  async #withRoomFor(runs: readonly RunInputs[]): Promise<Executable> {
    const counts = this.#names.map((name) => Math.max(...runs.map((inputs) => inputs[name]!.length)));
    if (this.#executable && counts.every((count, k) => count <= this.#room[k]!)) return this.#executable;
    await this.#executable?.dispose();
    this.#room = counts.map((count, k) => Math.max(this.#room[k]!, roundedUp(Math.max(count, 1), this.#granularity)));
    this.#executable = await this.#compile(this.#room);
    return this.#executable;
  }

  #padded(inputs: RunInputs): RunInputs {
    const padded = this.#names.map((name, k) => {
      const positions = new Int32Array(this.#room[k]!).fill(-1);
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
