/**
 * The default engine: programs traced into ONNX and run by onnxruntime-node, with residents in main memory. A program
 * that replaces all its residents, such as a training step, runs several times in one call (`repeated-program.ts`). In
 * other programs, a run overwrites the residents that it may. It writes the rest into spare buffers, which are then
 * swapped with the current ones. For an embedding it returns only the rows that change, because onnxruntime-node copies
 * every output once more than it must. With CUDA, residents cross to the device and back at every run: onnxruntime-node
 * can bind outputs to device memory for WebGPU only.
 */
import type { OnnxGraph, Program } from '@unroll/core';
import { elementCount, nextOf } from '@unroll/core/onnx';
import { counted } from '@unroll/param-server/config';
import { Tensor } from 'onnxruntime-node';
import { forCpu } from './cpu-graph.js';
import { type Engine, type Executable, replacedResident } from './engine.js';
import { planMemory, type UpdatedRows } from './memory-plan.js';
import { createSession, inputTensor, type OnnxRuntimeOptions, tracedProgram } from './onnx-session.js';
import { peakBytes } from './peak-bytes.js';
import { createRepeatedProgram, planRuns } from './repeated-program.js';
import { BufferPairs } from './resident-buffers.js';
import { createStagedProgram } from './staged-program.js';

export interface MainMemoryOptions extends OnnxRuntimeOptions {
  readonly provider: 'cpu' | 'cuda';
  /**
   * Whether each run of a training step is a separate call of its session. This is always so with CUDA, on which Scan
   * has not been tried.
   */
  readonly oneByOne?: boolean;
}

export function onnxRuntimeEngine(options: MainMemoryOptions): Engine {
  const { provider, threads } = options;
  return {
    description: `onnxruntime (${provider}${provider === 'cpu' && threads > 0 ? `, ${counted(threads, 'thread')}` : ''})`,
    allocate: (values) => new BufferPairs(values),
    compile: (program, residents) => compile(program, residents as BufferPairs[], options),
    ...(provider === 'cpu'
      ? { compileStages: (program, stages, kept) => createStagedProgram(program, stages, kept, threads) }
      : {}),
  };
}

async function compile(
  program: Program,
  residents: readonly BufferPairs[],
  { oneByOne = false, ...options }: MainMemoryOptions,
): Promise<Executable> {
  const traced = tracedProgram(program);
  const homes = new Map(residents.flatMap((set) => set.names.map((name) => [name, set] as const)));
  if (options.provider === 'cuda') return runOneByOne(traced, homes, options);
  const graph = forCpu(traced);
  const plan = oneByOne ? undefined : planRuns(graph, new Set(homes.keys()));
  const executable = plan ? createRepeatedProgram(plan, homes, options) : runOneByOne(graph, homes, options);
  const { values } = traced;
  return Object.assign(await executable, { peakBytes: values && peakBytes({ ...traced, values }) });
}

/** Compiles a program to run once per call of its session. */
async function runOneByOne(
  program: OnnxGraph,
  homes: ReadonlyMap<string, BufferPairs>,
  options: OnnxRuntimeOptions,
): Promise<Executable> {
  const { graph, inPlace, updates } = planMemory(program);
  const session = await createSession(graph, options);
  const residentInputs = session.inputNames.filter((name) => homes.has(name));
  const otherInputs = graph.inputs.filter(({ name }) => !homes.has(name) && session.inputNames.includes(name));
  const replaced = graph.outputs.map(({ name }) => replacedResident(name)).filter((name) => name !== undefined);
  const outputs = Object.fromEntries(
    graph.outputs
      .filter(({ name }) => replacedResident(name) === undefined)
      .map(({ name, shape }) => [
        name,
        new Tensor('float32', new Float32Array(elementCount(shape as number[])), shape as number[]),
      ]),
  );
  const rowsOf = (update: UpdatedRows) => outputs[update.rows]!.data as Float32Array;
  const results = Object.fromEntries(
    Object.entries(outputs)
      .filter(([name]) => updates.every(({ rows }) => rows !== name))
      .map(([name, tensor]) => [name, tensor.data as Float32Array]),
  );
  return {
    run: async (inputs) => {
      const feeds: Record<string, Tensor> = {};
      for (const name of residentInputs) feeds[name] = homes.get(name)!.current(name);
      for (const { name, dtype, shape } of otherInputs) {
        feeds[name] = inputTensor(name, dtype, shape as number[], inputs[name]);
      }
      const fetches: Record<string, Tensor> = { ...outputs };
      for (const name of replaced) {
        const home = homes.get(name)!;
        fetches[nextOf(name)] = inPlace.has(name) ? home.current(name) : home.spare(name);
      }
      await session.run(feeds, fetches);
      for (const name of replaced) if (!inPlace.has(name)) homes.get(name)!.swap(name);
      for (const update of updates) {
        const table = homes.get(update.resident)!.current(update.resident).data as Float32Array;
        writeRows(table, inputs[update.ids] as Int32Array, rowsOf(update));
      }
      return results;
    },
    dispose: () => session.release(),
  };
}

function writeRows(table: Float32Array, ids: Int32Array, rows: Float32Array): void {
  const width = rows.length / ids.length;
  ids.forEach((id, k) => {
    table.set(rows.subarray(k * width, (k + 1) * width), id * width);
  });
}
