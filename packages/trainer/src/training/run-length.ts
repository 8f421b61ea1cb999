/**
 * How many steps to make in one call of the engine: more cost less each, but nobody hears of them, nor can interrupt, before the
 * last is made. What is computed does not depend on it.
 */
import type { Shapes } from '@unroll/core';
import { parameterCount } from './parameter-count.js';

/** Of a call, about. */
const longestSeconds = 1;
/** What a call costs once is small beside so many steps, and their inputs wait in memory. */
const mostSteps = 8;
/** More than two in a call have ONNX Runtime's Scan hold the parameters once more: for large models not worth what it saves. */
const mostStepsOfLargeModels = 2;
const largeModel = 16e6;

export class RunLength {
  readonly #most: number;
  #secondsAStep = Number.POSITIVE_INFINITY;

  /** @param shapes of the model's parameters */
  constructor(shapes: Shapes) {
    this.#most = parameterCount(shapes) < largeModel ? mostSteps : mostStepsOfLargeModels;
  }

  /** Of the next call; 1 before anything was measured. */
  get steps(): number {
    return Math.max(1, Math.min(this.#most, Math.floor(longestSeconds / this.#secondsAStep)));
  }

  /** Makes steps, and measures how long each takes. */
  async measure<R>(steps: number, make: () => Promise<R>): Promise<R> {
    const began = performance.now();
    const result = await make();
    this.#secondsAStep = (performance.now() - began) / 1000 / steps;
    return result;
  }
}
