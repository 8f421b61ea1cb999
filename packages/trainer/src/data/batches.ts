// Cuts token ids into windows for truncated backpropagation through time (Williams & Peng 1990; the layout of Zaremba
// et al. 2014). The text is laid out in B contiguous lanes. A step reads the next T tokens of every lane and carries
// each lane's state over from the previous step. A batch is a pure function of (ids, options, step), so a restarted
// worker continues with exactly the same data.

import { UnrollError } from '../errors.js';
import type { TokenIds } from './token-ids.js';

/** The tokens of one step. */
export interface Batch {
  /** Tokens that the model reads, `[steps · lanes]`, time-major: lane b at time t is at `t · lanes + b`. */
  readonly ids: Int32Array;
  /** Tokens that it should predict, `[steps · lanes]`: the token after each of `ids`. */
  readonly targets: Int32Array;
  /** The number of time steps; the last window of an epoch may be shorter. */
  readonly steps: number;
  /** The number of lanes. */
  readonly lanes: number;
  /** Whether the state of all lanes starts from zero here. */
  readonly resetState: boolean;
}

export interface LaneOptions {
  /** The number of lanes B of the global batch, over all workers. */
  readonly lanes: number;
  /** The number of tokens T that a step reads of each lane. */
  readonly window: number;
  /** The lanes that this worker reads: `from` inclusive, `to` exclusive. Default: all. */
  readonly slice?: { readonly from: number; readonly to: number } | undefined;
  /**
   * Returns the text in the order of an epoch, counted from 0; the number of tokens stays the same. Default: the text
   * as it is.
   */
  readonly inEpoch?: ((epoch: number) => TokenIds) | undefined;
}

/** The batches of a training text. */
export class LaneBatches {
  /** The number of steps that read every lane once. */
  readonly stepsPerEpoch: number;
  readonly #inEpoch: (epoch: number) => TokenIds;
  readonly #window: number;
  readonly #lanes: number;
  readonly #laneLength: number;
  readonly #from: number;
  readonly #to: number;

  /**
   * @param ids the text, `[tokens]`; tokens beyond a multiple of the lanes are not read, nor is the last token, which
   *   is only a target
   * @throws RangeError if a size is not a positive integer; UnrollError if the slice is not part of the lanes, or if
   *   the text is too short for them
   */
  constructor(ids: TokenIds, options: LaneOptions) {
    const { lanes, window, slice = { from: 0, to: options.lanes }, inEpoch = () => ids } = options;
    for (const [name, value] of Object.entries({ lanes, window })) {
      if (!Number.isSafeInteger(value) || value < 1)
        throw new RangeError(`${name} ${value}: must be an integer of at least 1`);
    }
    const { from, to } = slice;
    if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from < to && to <= lanes)) {
      throw new UnrollError(
        `lanes ${from} to ${to}: must be a part of the ${lanes} lanes; are there more workers than lanes?`,
      );
    }
    this.#laneLength = Math.floor((ids.length - 1) / lanes);
    if (this.#laneLength < 1) {
      throw new UnrollError(`the text has ${ids.length} tokens: too few for ${lanes} lanes; lower the batch size`);
    }
    this.#inEpoch = inEpoch;
    this.#window = window;
    this.#lanes = lanes;
    this.#from = from;
    this.#to = to;
    this.stepsPerEpoch = Math.ceil(this.#laneLength / window);
  }

  /** Returns the number of tokens that all lanes together have read before a step, over all epochs. */
  tokensBefore(step: number): number {
    const epochs = Math.floor(step / this.stepsPerEpoch);
    const read = Math.min((step % this.stepsPerEpoch) * this.#window, this.#laneLength);
    return (epochs * this.#laneLength + read) * this.#lanes;
  }

  /** Returns the batch of a step, counted from 0 over all epochs. */
  batchAt(step: number): Batch {
    const text = this.#inEpoch(Math.floor(step / this.stepsPerEpoch));
    const start = (step % this.stepsPerEpoch) * this.#window;
    const steps = Math.min(this.#window, this.#laneLength - start);
    const lanes = this.#to - this.#from;
    const ids = new Int32Array(steps * lanes);
    const targets = new Int32Array(steps * lanes);
    for (let lane = 0; lane < lanes; lane++) {
      const origin = (this.#from + lane) * this.#laneLength + start;
      const tokens = text.slice(origin, origin + steps + 1);
      for (let time = 0; time < steps; time++) {
        ids[time * lanes + lane] = tokens[time]!;
        targets[time * lanes + lane] = tokens[time + 1]!;
      }
    }
    return { ids, targets, steps, lanes, resetState: start === 0 };
  }
}

/**
 * Yields the batches of an evaluation text in one lane. The first input is `startId`, so every token of `ids` is
 * predicted exactly once, including the first one and every `<eos>`. Without `startId`, the first token is only read.
 *
 * @throws RangeError if `window` is not a positive integer
 */
export function* evaluationBatches(
  ids: TokenIds,
  startId: number | undefined,
  window: number,
): Generator<Batch, void, undefined> {
  if (!Number.isSafeInteger(window) || window < 1)
    throw new RangeError(`window ${window}: must be an integer of at least 1`);
  const first = startId === undefined ? 1 : 0;
  let context = startId ?? ids.slice(0, 1)[0] ?? 0;
  for (let start = first; start < ids.length; start += window) {
    const targets = ids.slice(start, start + window);
    const steps = targets.length;
    const read = Int32Array.of(context, ...targets.subarray(0, -1));
    context = targets[steps - 1]!;
    yield { ids: read, targets, steps, lanes: 1, resetState: start === first };
  }
}
