/**
 * Reads token sequences through the model, each from the same state, and remembers the last one. While a person types,
 * only tokens added since the last call cost a step. It keeps the states of the newest tokens, and every `sparse`-th of
 * older ones. So neither typing nor correcting reads a long text again.
 */
import type { RecurrentState, StepModel } from './step.js';

/** Result of reading some tokens. */
export interface Reading {
  /** Logits [vocab] for the next token. */
  readonly logits: Float32Array;
  readonly state: RecurrentState;
}

/** Number of the newest tokens whose states are all kept. */
const dense = 32;
const sparse = 64;

export class ContextReader {
  readonly #model: StepModel;
  readonly #initial: RecurrentState;
  #ids: readonly number[] = [];
  /** The states after the tokens at these positions. */
  #states = new Map<number, RecurrentState>();
  #last: Reading | undefined;

  constructor(model: StepModel, initial = model.initialState) {
    this.#model = model;
    this.#initial = initial;
  }

  /** Reads `ids`, at least one. Returns the logits and the state after the last of them. */
  async read(ids: readonly number[], signal?: AbortSignal): Promise<Reading> {
    const changed = ids.findIndex((id, place) => id !== this.#ids[place]);
    const common = changed === -1 ? ids.length : changed;
    if (this.#last && common === ids.length && common === this.#ids.length) return this.#last;

    const states = new Map([...this.#states].filter(([place]) => place < Math.min(common, ids.length - 1)));
    const known = Math.max(-1, ...states.keys());
    let reading: Reading = { logits: new Float32Array(), state: states.get(known) ?? this.#initial };
    for (const [place, id] of ids.entries()) {
      if (place <= known) continue;
      signal?.throwIfAborted();
      reading = await this.#model.step(reading.state, id);
      states.set(place, reading.state);
      if ((place - dense) % sparse !== 0) states.delete(place - dense);
    }
    [this.#ids, this.#states, this.#last] = [ids, states, reading];
    return reading;
  }
}
