/**
 * Chooses how many steps to make in one call of the engine. More steps in a call cost less each, but progress and
 * interrupts must wait for the last of them. The result does not depend on this number.
 */
import type { Shapes } from '@unroll/core';
import { parameterCount } from '../parameter-count.js';

/** Target duration of one call, in seconds. */
const longestSeconds = 1;
/** With this many steps, the fixed cost of a call is small; the inputs of more would only take memory. */
const mostSteps = 8;
/**
 * With more than two steps, ONNX Runtime's Scan holds the parameters once more: for large models this costs more than
 * it saves.
 */
const mostStepsOfLargeModels = 2;
const largeModel = 16e6;

export class StepsAtOnce {
  readonly #most: number;
  #secondsAStep = Number.POSITIVE_INFINITY;

  /** @param shapes the shapes of the model's parameters */
  constructor(shapes: Shapes) {
    this.#most = parameterCount(shapes) < largeModel ? mostSteps : mostStepsOfLargeModels;
  }

  /** Number of steps for the next call; 1 before the first measurement. */
  get steps(): number {
    return Math.max(1, Math.min(this.#most, Math.floor(longestSeconds / this.#secondsAStep)));
  }

  /** Makes steps and measures the time per step. */
  async measure<R>(steps: number, make: () => Promise<R>): Promise<R> {
    const began = performance.now();
    const result = await make();
    this.#secondsAStep = (performance.now() - began) / 1000 / steps;
    return result;
  }
}
