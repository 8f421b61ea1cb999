/**
 * Reads token sequences through the model, each from the zero state, and remembers the last one: while somebody types,
 * only the tokens that are new since the last call cost a step.
 */
import type { RecurrentState, StepModel } from './step.js';

/** What the model knows after reading some tokens. */
export interface Reading {
  readonly token: number;
  /** Logits [vocab] for the token that follows. */
  readonly logits: Float32Array;
  readonly state: RecurrentState;
}

export class ContextReader {
  readonly #model: StepModel;
  #last: readonly Reading[] = [];

  constructor(model: StepModel) {
    this.#model = model;
  }

  /** What the model knows after the last of `ids`, of which there is at least one. */
  async read(ids: readonly number[], signal?: AbortSignal): Promise<Reading> {
    const last = this.#last;
    const common = ids.findIndex((id, i) => last[i]?.token !== id);
    const readings = last.slice(0, common === -1 ? ids.length : common);
    for (const token of ids.slice(readings.length)) {
      signal?.throwIfAborted();
      const state = readings.at(-1)?.state ?? this.#model.initialState;
      readings.push({ token, ...(await this.#model.step(state, token)) });
    }
    this.#last = readings;
    return readings.at(-1)!;
  }
}
