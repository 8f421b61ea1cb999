/** Runs the programs of a task's evaluation on an engine. */
import type { Program } from '@unroll/core';
import type { Engine, Residents } from '../engines/engine.js';
import { RecentExecutables } from '../engines/recent-executables.js';
import type { Inputs } from '../training/learners/batch-source.js';
import type { Programs } from './task.js';

/** Compiles each program on the first use of its key, and keeps the recently used ones. */
export class CompiledPrograms implements Programs, AsyncDisposable {
  readonly #engine: Engine;
  readonly #residents: readonly Residents[];
  readonly #signal: AbortSignal | undefined;
  readonly #executables = new RecentExecutables();

  /**
   * @param residents the arrays that the programs read, and replace by their outputs `next.x`
   * @param signal ends the evaluation before its next run
   */
  constructor(engine: Engine, residents: readonly Residents[], signal?: AbortSignal) {
    this.#engine = engine;
    this.#residents = residents;
    this.#signal = signal;
  }

  /** @throws the signal's reason when it aborts */
  async run(key: string, program: () => Program, inputs: Readonly<Inputs>): Promise<Record<string, Float32Array>> {
    this.#signal?.throwIfAborted();
    const { executable } = await this.#executables.get(key, async () => ({
      executable: await this.#engine.compile(program(), this.#residents),
    }));
    return executable.run(inputs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#executables.dispose();
  }
}
