/**
 * What runs programs: one interface over ONNX Runtime, which compiles a traced program into one native call, and over
 * TensorFlow.js's backends, which run it op by op.
 */
import { elementCount, type Program } from '@unroll/core';

/** Values that stay with the engine from run to run: parameters, optimizer state, recurrent state. */
export interface Residents {
  readonly names: readonly string[];
  /** The current values; where the engine computes in main memory the live array itself, which may be written to. */
  read(name: string): Promise<Float32Array>;
  /** Replaces the values; writing back the array that {@link read} gave costs nothing where it is live. */
  write(name: string, values: Float32Array): void;
  /** Makes all values zero, without reading them. */
  clear(): void;
  dispose(): void;
}

/** The inputs of a run that are not resident. */
export type RunInputs = Readonly<Record<string, Float32Array | Int32Array>>;

export interface Executable {
  /**
   * Runs the program once. Residents named like its inputs are read; outputs `next.x` replace the resident `x`.
   * @returns the other outputs; they are overwritten by the next run
   */
  run(inputs: RunInputs): Promise<Record<string, Float32Array>>;
  /**
   * What so many calls of {@link run} do, to the same bits, in one; absent where that gains nothing.
   * @param inputsOf asked once for each run, counted from 0, in their order; the arrays may be used again for the next
   * @returns the outputs of each run
   */
  runMany?(count: number, inputsOf: (run: number) => RunInputs): Promise<Record<string, Float32Array>[]>;
  dispose(): Promise<void>;
}

/** Runs a program several times, in one call where the engine can. */
export async function runMany(
  executable: Executable,
  count: number,
  inputsOf: (run: number) => RunInputs,
): Promise<Record<string, Float32Array>[]> {
  if (executable.runMany) return executable.runMany(count, inputsOf);
  const outputs: Record<string, Float32Array>[] = [];
  for (let run = 0; run < count; run++) {
    const values = await executable.run(inputsOf(run));
    outputs.push(Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.slice()])));
  }
  return outputs;
}

export interface Engine {
  /** What runs, as a person would want to read it: `onnxruntime (cpu, 2 threads)`. */
  readonly description: string;
  /** Makes values resident. Their arrays become the engine's, which may write to them. */
  allocate(values: Readonly<Record<string, ResidentValues>>): Residents;
  compile(program: Program, residents: readonly Residents[]): Promise<Executable>;
  /**
   * Cuts a program into stages that run beside this thread, which can do other things meanwhile; absent where the engine cannot.
   * @param stages for each stage but the last, names of outputs that it is to compute, if an earlier one does not
   * @param kept names of float32 inputs whose values stay from run to run
   */
  compileStages?(
    program: Program,
    stages: readonly (readonly string[])[],
    kept: ReadonlySet<string>,
  ): Promise<StagedProgram>;
}

/** A program in stages, to be run in their order. Nothing of it is resident with the engine. */
export interface StagedProgram {
  /**
   * Of the inputs that are kept, to be read and written, and of the outputs. A run puts other arrays in the places of those
   * that it reads or writes; they are not to be touched while it goes on.
   */
  readonly values: Readonly<Record<string, Float32Array>>;
  /** The inputs that a stage reads. */
  reads(stage: number): ReadonlySet<string>;
  /** @param inputs those that are not kept */
  run(stage: number, inputs: Readonly<Record<string, Float32Array | Int32Array>>): Promise<void>;
  dispose(): Promise<void>;
}

export interface ResidentValues {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Zero-filled residents of these shapes. */
export function zeros(shapes: Readonly<Record<string, readonly number[]>>): Record<string, ResidentValues> {
  return residentValues(shapes, {});
}

/** Residents of these shapes with these values; what is absent is zero. */
export function residentValues(
  shapes: Readonly<Record<string, readonly number[]>>,
  values: Readonly<Record<string, Float32Array>>,
): Record<string, ResidentValues> {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      { shape, values: values[name] ?? new Float32Array(elementCount(shape)) },
    ]),
  );
}

const replacement = 'next.';

/** The resident that an output replaces: `x` for `next.x`; undefined for an ordinary output. */
export function replacedResident(output: string): string | undefined {
  return output.startsWith(replacement) ? output.slice(replacement.length) : undefined;
}
