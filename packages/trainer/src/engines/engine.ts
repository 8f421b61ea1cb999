/**
 * The interface of engines, which run programs. ONNX Runtime compiles a traced program into one native call;
 * TensorFlow.js's backends run it op by op.
 */
import type { Program } from '@unroll/core';
import { elementCount, subjectOf } from '@unroll/core/onnx';

/** Values that stay on the engine between runs: parameters, optimizer state, recurrent state. */
export interface Residents {
  readonly names: readonly string[];
  /**
   * Returns the current values. An engine that computes in main memory returns the live array itself, which may be
   * written to.
   */
  read(name: string): Promise<Float32Array>;
  /** Replaces the values. Writing back an array from {@link read} costs nothing if it is live. */
  write(name: string, values: Float32Array): void;
  /** Sets all values to zero without reading them. */
  clear(): void;
  dispose(): void;
}

/** Inputs of a run that are not resident. */
export type RunInputs = Readonly<Record<string, Float32Array | Int32Array>>;

export interface Executable {
  /**
   * Runs the program once. Its inputs named like residents are read from them; its outputs `next.x` replace the
   * resident `x`.
   * @returns the other outputs; the next run overwrites them
   */
  run(inputs: RunInputs): Promise<Record<string, Float32Array>>;
  /**
   * Does as much as `count` calls of {@link run}, to the same bits, in one call; absent if that gains nothing.
   * @param inputsOf called once for each run, counted from 0, in order; its arrays may be reused for the next run
   * @returns the outputs of each run
   */
  runMany?(count: number, inputsOf: (run: number) => RunInputs): Promise<Record<string, Float32Array>[]>;
  /** Estimated bytes that the values of one run take in main memory, without residents; absent if that is not known. */
  readonly peakBytes?: number | undefined;
  dispose(): Promise<void>;
}

/** Runs a program several times, in one call if the engine can. */
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
  /** A description for people, such as `onnxruntime (cpu, 2 threads)`. */
  readonly description: string;
  /** Makes values resident. The engine takes over their arrays and may write to them. */
  allocate(values: Readonly<Record<string, ResidentValues>>): Residents;
  compile(program: Program, residents: readonly Residents[]): Promise<Executable>;
  /**
   * Cuts a program into stages that run beside this thread, which stays free for other work. Absent if the engine
   * cannot.
   * @param stages for each stage but the last, the names of outputs that it computes, unless an earlier stage does
   * @param kept names of float32 inputs whose values stay between runs
   */
  compileStages?(
    program: Program,
    stages: readonly (readonly string[])[],
    kept: ReadonlySet<string>,
  ): Promise<StagedProgram>;
}

/** A program in stages, which must run in order. None of its values are resident on the engine. */
export interface StagedProgram {
  /**
   * The values of the kept inputs, which may be read and written, and of the outputs. A run replaces the arrays that it
   * reads or writes by others; do not touch them while it is running.
   */
  readonly values: Readonly<Record<string, Float32Array>>;
  /** Returns the inputs that a stage reads. */
  reads(stage: number): ReadonlySet<string>;
  /**
   * Runs one stage.
   * @param inputs the inputs that are not kept
   */
  run(stage: number, inputs: Readonly<Record<string, Float32Array | Int32Array>>): Promise<void>;
  dispose(): Promise<void>;
}

export interface ResidentValues {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Returns zero-filled residents of these shapes. */
export function zeros(shapes: Readonly<Record<string, readonly number[]>>): Record<string, ResidentValues> {
  return residentValues(shapes, {});
}

/** Returns residents of these shapes with these values; absent values are zero. */
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

/** Returns the resident that an output replaces: `x` for `next.x`; undefined for an ordinary output. */
export function replacedResident(output: string): string | undefined {
  return subjectOf('next', output);
}
