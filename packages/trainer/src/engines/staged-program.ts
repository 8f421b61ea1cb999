/**
 * A program cut into stages that ONNX Runtime runs on a thread of its own (`graph-thread.mjs`), so that the thread which asks
 * for them can exchange gradients and parameters meanwhile. Memory is not shared: a stage is lent the arrays that it reads
 * and writes, which costs no copy.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import {
  elementCount,
  encodeOnnx,
  type OnnxGraph,
  type OnnxValue,
  type Program,
  splitGraph,
  trace,
} from '@unroll/core';
import type { InferenceSession } from 'onnxruntime-node';
import { forCpu } from './cpu-graph.js';
import type { StagedProgram } from './engine.js';
import { readersFirst } from './memory-plan.js';
import { sessionOptions } from './onnx-session.js';

export type Arrays = Record<string, Float32Array | Int32Array | Uint8Array>;

/** A value of a graph that enters or leaves a stage. */
export interface ValueType extends OnnxValue {
  readonly dtype: keyof typeof arrayTypes;
  readonly shape: readonly number[];
}

/** What the thread is started with. */
export interface ThreadOptions {
  readonly stages: readonly ThreadStage[];
  readonly session: InferenceSession.SessionOptions;
}

export interface ThreadStage {
  readonly model: Uint8Array;
  readonly inputs: readonly ValueType[];
  readonly outputs: readonly ValueType[];
}

/** Asks for a stage. */
export interface ToThread {
  readonly stage: number;
  /** Handed over, and back. */
  readonly lent: Arrays;
  /** Copied. */
  readonly given: Arrays;
}

/** The thread has started, or a stage has run. */
export interface FromThread {
  readonly lent: Arrays;
  readonly failure: string | undefined;
}

const arrayTypes = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };

/**
 * @param stages for each stage but the last, names of outputs that it is to compute, if an earlier one does not
 * @param kept names of inputs whose values stay from run to run
 * @param threads of each run
 */
export async function createStagedProgram(
  { run, inputs }: Program,
  stages: readonly (readonly string[])[],
  kept: ReadonlySet<string>,
  threads: number,
): Promise<StagedProgram> {
  const graphs = splitGraph(trace(run, inputs), stages).map((graph) => readersFirst(forCpu(graph)));
  const given = new Set(Object.keys(inputs).filter((name) => !kept.has(name)));
  const program = new ThreadedProgram(graphs, given, sessionOptions({ provider: 'cpu', threads }));
  await program.started;
  return program;
}

class ThreadedProgram implements StagedProgram {
  readonly values: Record<string, Float32Array> = {};
  /** Of other element types than {@link values}, from one stage to another. */
  readonly #others: Arrays = {};
  readonly #stages: readonly ThreadStage[];
  readonly #given: ReadonlySet<string>;
  readonly #thread: Worker;
  readonly started: Promise<void>;

  constructor(graphs: readonly OnnxGraph[], given: ReadonlySet<string>, session: InferenceSession.SessionOptions) {
    this.#given = given;
    this.#stages = graphs.map((graph) => ({
      model: encodeOnnx(graph),
      inputs: graph.inputs as ValueType[],
      outputs: graph.outputs as ValueType[],
    }));
    for (const { inputs, outputs } of this.#stages) {
      for (const { name, dtype, shape } of [...inputs, ...outputs]) {
        if (!given.has(name)) this.#place(name, new arrayTypes[dtype](elementCount(shape)));
      }
    }
    const workerData: ThreadOptions = { stages: this.#stages, session };
    // Not this process's flags, which may be about its own program.
    this.#thread = new Worker(new URL('./graph-thread.mjs', import.meta.url), { workerData, execArgv: [] });
    this.started = this.#answer();
  }

  reads(stage: number): ReadonlySet<string> {
    return new Set(this.#stages[stage]!.inputs.map(({ name }) => name));
  }

  async run(stage: number, inputs: Readonly<Record<string, Float32Array | Int32Array>>): Promise<void> {
    const lent: Arrays = {};
    const given: Arrays = {};
    const { inputs: read, outputs: written } = this.#stages[stage]!;
    for (const { name } of [...read, ...written]) {
      if (this.#given.has(name)) given[name] = inputs[name]!;
      else lent[name] = this.values[name] ?? this.#others[name]!;
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

  /** Waits for the thread, and takes back what it was lent. */
  async #answer(): Promise<void> {
    this.#thread.ref();
    const [{ lent, failure }] = (await once(this.#thread, 'message')) as [FromThread];
    this.#thread.unref();
    for (const [name, array] of Object.entries(lent)) this.#place(name, array);
    if (failure !== undefined) throw new Error(failure);
  }

  #place(name: string, array: Arrays[string]): void {
    if (array instanceof Float32Array) this.values[name] = array;
    else this.#others[name] = array;
  }
}
