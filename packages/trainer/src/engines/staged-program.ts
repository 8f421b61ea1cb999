/**
 * A program cut into stages that ONNX Runtime runs on another thread (`graph-thread.mjs`), while the calling thread
 * exchanges gradients and parameters. ONNX Runtime does not accept shared memory: the arrays that a stage reads and
 * writes are transferred, without a copy. Values that stages pass to each other stay on the thread, because V8 collects
 * garbage whenever a thread receives another 64 MB of arrays.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { encodeOnnx, type OnnxGraph, type Program, trace } from '@unroll/core';
import { elementCount, type OnnxValue, splitGraph } from '@unroll/core/onnx';
import type { InferenceSession } from 'onnxruntime-node';
import { forCpu } from './cpu-graph.js';
import type { StagedProgram } from './engine.js';
import { readersFirst } from './memory-plan.js';
import { sessionOptions } from './onnx-session.js';

export type StageArrays = Record<string, Float32Array | Int32Array>;

/** A value of a graph that enters or leaves a stage. */
export interface ValueType extends OnnxValue {
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly shape: readonly number[];
}

/** The thread's start data. */
export interface ThreadOptions {
  readonly stages: readonly ThreadStage[];
  readonly session: InferenceSession.SessionOptions;
}

export interface ThreadStage {
  readonly model: Uint8Array;
  readonly inputs: readonly ValueType[];
  readonly outputs: readonly ValueType[];
}

/** A request to run a stage. */
export interface ToThread {
  readonly stage: number;
  /** Arrays that are transferred to the thread and back. */
  readonly lent: Record<string, Float32Array>;
  /** Arrays that are copied. */
  readonly given: StageArrays;
}

/** The reply after the thread has started, or after a stage has run. */
export interface FromThread {
  readonly lent: Record<string, Float32Array>;
  readonly failure: string | undefined;
}

/**
 * Creates a program in stages.
 * @param stages for each stage but the last, the names of outputs that it computes, unless an earlier stage does
 * @param kept names of inputs whose values stay between runs
 * @param threads threads of each run
 */
export async function createStagedProgram(
  { run, inputs }: Program,
  stages: readonly (readonly string[])[],
  kept: ReadonlySet<string>,
  threads: number,
): Promise<StagedProgram> {
  const whole = trace(run, inputs);
  const graphs = splitGraph(whole, stages).map((graph) => readersFirst(forCpu(graph)));
  const lent = [...whole.inputs.filter(({ name }) => kept.has(name)), ...whole.outputs];
  const program = new ThreadedProgram(graphs, lent, sessionOptions({ provider: 'cpu', threads }));
  await program.started;
  return program;
}

class ThreadedProgram implements StagedProgram {
  readonly values: Record<string, Float32Array>;
  readonly #stages: readonly ThreadStage[];
  readonly #thread: Worker;
  readonly started: Promise<void>;

  constructor(graphs: readonly OnnxGraph[], lent: readonly OnnxValue[], session: InferenceSession.SessionOptions) {
    this.values = Object.fromEntries(
      lent.map(({ name, shape }) => [name, new Float32Array(elementCount(shape as number[]))]),
    );
    this.#stages = graphs.map((graph) => ({
      model: encodeOnnx(graph),
      inputs: graph.inputs as ValueType[],
      outputs: graph.outputs as ValueType[],
    }));
    const workerData: ThreadOptions = { stages: this.#stages, session };
    // Do not pass on this process's flags, which may concern its own program.
    this.#thread = new Worker(new URL('./graph-thread.mjs', import.meta.url), { workerData, execArgv: [] });
    this.started = this.#answer();
  }

  reads(stage: number): ReadonlySet<string> {
    return new Set(this.#stages[stage]!.inputs.map(({ name }) => name));
  }

  async run(stage: number, inputs: Readonly<Record<string, Float32Array | Int32Array>>): Promise<void> {
    const lent: Record<string, Float32Array> = {};
    const given: StageArrays = {};
    const { inputs: read, outputs: written } = this.#stages[stage]!;
    for (const { name } of [...read, ...written]) {
      if (inputs[name]) given[name] = inputs[name];
      else if (this.values[name]) lent[name] = this.values[name];
    }
    const message: ToThread = { stage, lent, given };
    this.#thread.postMessage(
      message,
      Object.values(lent).map(({ buffer }) => buffer as ArrayBuffer),
    );
    await this.#answer();
  }

  async dispose(): Promise<void> {
    await this.#thread.terminate();
  }

  /** Waits for the thread's reply and takes back the transferred arrays. */
  async #answer(): Promise<void> {
    this.#thread.ref();
    const [{ lent, failure }] = (await once(this.#thread, 'message')) as [FromThread];
    this.#thread.unref();
    Object.assign(this.values, lent);
    if (failure !== undefined) throw new Error(failure);
  }
}
