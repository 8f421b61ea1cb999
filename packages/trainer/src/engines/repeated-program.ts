/** Runs a program that replaces all its residents, such as a training step, any number of times in one session call. */
import type { OnnxGraph } from '@unroll/core';
import { elementCount, nextOf, type OnnxValue } from '@unroll/core/onnx';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { Executable, RunInputs } from './engine.js';
import { readersFirst, rowUpdates, type UpdatedRows, updatedInPlace } from './memory-plan.js';
import { createSession, type OnnxRuntimeOptions } from './onnx-session.js';
import { outerName, type RepeatedGraph, repeated } from './repeated-graph.js';
import type { BufferPairs } from './resident-buffers.js';
import { onRowsInUse, placesOf, RowsInUse, tablesByRows } from './table-rows.js';

/** The plan for repeating a program. */
export interface RunsPlan {
  readonly repeated: RepeatedGraph;
  /** Residents that a run may overwrite. */
  readonly inPlace: ReadonlySet<string>;
  /** Tables of which a run takes only the rows in use. */
  readonly tables: readonly UpdatedRows[];
  /** Inputs that number these rows. */
  readonly ids: readonly OnnxValue[];
}

/**
 * Plans how to repeat a program.
 * @returns undefined if the program cannot be repeated, see {@link repeated}
 */
export function planRuns(program: OnnxGraph, residents: ReadonlySet<string>): RunsPlan | undefined {
  const inPlace = updatedInPlace(program);
  const tables = tablesByRows(program, rowUpdates(program, inPlace));
  const graph = repeated(readersFirst(onRowsInUse(program, tables)), residents);
  const ids = program.inputs.filter(({ name }) => tables.some((table) => table.ids === name));
  return graph && { repeated: graph, inPlace, tables, ids };
}

/**
 * Compiles a repeated program.
 * @param homes the buffers of each resident
 */
export async function createRepeatedProgram(
  plan: RunsPlan,
  homes: ReadonlyMap<string, BufferPairs>,
  options: OnnxRuntimeOptions,
): Promise<Executable> {
  return new RepeatedProgram(await createSession(plan.repeated.graph, options), plan, homes);
}

class RepeatedProgram implements Executable {
  readonly #session: InferenceSession;
  readonly #plan: RunsPlan;
  readonly #homes: ReadonlyMap<string, BufferPairs>;
  /** Inputs that the caller provides for each run. */
  readonly #taken: readonly OnnxValue[];

  constructor(session: InferenceSession, plan: RunsPlan, homes: ReadonlyMap<string, BufferPairs>) {
    this.#session = session;
    this.#plan = plan;
    this.#homes = homes;
    const places = new Set(plan.ids.map(({ name }) => placesOf(name)));
    this.#taken = [...new Set([...plan.repeated.inputs.filter(({ name }) => !places.has(name)), ...plan.ids])];
  }

  async run(inputs: RunInputs): Promise<Record<string, Float32Array>> {
    const [outputs] = await this.runMany(1, () => inputs);
    return outputs!;
  }

  async runMany(count: number, inputsOf: (run: number) => RunInputs): Promise<Record<string, Float32Array>[]> {
    const { repeated, tables } = this.#plan;
    const { inputs, outputs, residents } = repeated;
    const homes = this.#homes;
    const given = stacked(this.#taken, count, inputsOf);
    const rows = this.#rowsInUse(given);
    const feeds: Record<string, Tensor> = {};
    const fetches: Record<string, Tensor> = {};
    for (const { name, dtype, shape } of inputs) {
      feeds[outerName(name)] = new Tensor(dtype as 'float32', given[name] as Float32Array, [
        count,
        ...(shape as number[]),
      ]);
    }
    for (const { name, shape } of outputs) {
      const size = [count, ...(shape as number[])];
      fetches[outerName(name)] = new Tensor('float32', new Float32Array(elementCount(size)), size);
    }
    const kept = residents.filter((name) => !this.#isOverwritten(name, count));
    for (const name of residents) {
      const home = homes.get(name)!;
      feeds[outerName(name)] = home.current(name);
      fetches[outerName(nextOf(name))] = kept.includes(name) ? home.spare(name) : home.current(name);
    }
    for (const { resident, ids } of tables) {
      const { data, dims } = homes.get(resident)!.current(resident);
      const width = elementCount(dims.slice(1));
      const taken = rows.get(ids)!.take(data as Float32Array, width);
      const tensor = new Tensor('float32', taken, [taken.length / width, ...dims.slice(1)]);
      feeds[outerName(resident)] = tensor;
      fetches[outerName(nextOf(resident))] = tensor;
    }
    await this.#session.run(feeds, fetches);
    for (const name of kept) homes.get(name)!.swap(name);
    for (const { resident, ids } of tables) {
      const table = homes.get(resident)!.current(resident).data as Float32Array;
      rows.get(ids)!.put(table, feeds[outerName(resident)]!.data as Float32Array);
    }
    return Array.from({ length: count }, (_, run) =>
      Object.fromEntries(
        outputs.map(({ name }) => [name, part(fetches[outerName(name)]!.data as Float32Array, run, count)]),
      ),
    );
  }

  dispose(): Promise<void> {
    return this.#session.release();
  }

  /**
   * Whether a resident's buffer is overwritten. If there are several runs, only the first reads it and only the last
   * writes it.
   */
  #isOverwritten(name: string, count: number): boolean {
    return count > 1 || this.#plan.inPlace.has(name);
  }

  /** Returns the rows in use by the name of their ids, and adds their places to `given`. */
  #rowsInUse(given: Record<string, Float32Array | Int32Array>): Map<string, RowsInUse> {
    const { tables, ids } = this.#plan;
    return new Map(
      ids.map(({ name }) => {
        const ofIds = tables.filter((table) => table.ids === name);
        const rows = ofIds.map(({ resident }) => this.#homes.get(resident)!.current(resident).dims[0]!);
        const inUse = new RowsInUse(given[name] as Int32Array, Math.min(...rows));
        given[placesOf(name)] = inUse.places;
        return [name, inUse];
      }),
    );
  }
}

/** Stacks the inputs of all runs along a first axis. */
function stacked(
  values: readonly OnnxValue[],
  count: number,
  inputsOf: (run: number) => RunInputs,
): Record<string, Float32Array | Int32Array> {
  const arrays: Record<string, Float32Array | Int32Array> = {};
  for (let run = 0; run < count; run++) {
    const inputs = inputsOf(run);
    for (const { name, dtype, shape } of values) {
      const size = elementCount(shape as number[]);
      arrays[name] ??= dtype === 'int32' ? new Int32Array(count * size) : new Float32Array(count * size);
      const given = inputs[name];
      if (given?.length !== size) throw new Error(`the program's input '${name}' was not given ${size} values`);
      arrays[name].set(given, run * size);
    }
  }
  return arrays;
}

function part(values: Float32Array, run: number, count: number): Float32Array {
  const size = values.length / count;
  return values.subarray(run * size, (run + 1) * size);
}
