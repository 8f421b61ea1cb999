/**
 * Decides when a run is evaluated, saved and stopped early. Decisions by steps depend on the configuration and the
 * evaluations so far alone, so a resumed run decides as an uninterrupted one. Those by time depend on this process's clock.
 */
import { timePattern } from '../terminal/number-arguments.js';

/** The validation metric of the model after some step. */
export interface EvaluationResult {
  readonly step: number;
  readonly value: number;
}

export type Better = 'higher' | 'lower';

/** Returns whether a metric's value improves on another. */
export function isBetter(better: Better, value: number, than: number | undefined): boolean {
  return than === undefined || (better === 'higher' ? value > than : value < than);
}

/** Returns the best evaluation, the first of equal ones; undefined if there is none. */
export function bestEvaluation(better: Better, evaluations: readonly EvaluationResult[]): EvaluationResult | undefined {
  let best: EvaluationResult | undefined;
  for (const each of evaluations) if (isBetter(better, each.value, best?.value)) best = each;
  return best;
}

/**
 * Returns the step at which training stops early: that of the last evaluation, if `patience` evaluations in a row were
 * no new best. Returns undefined if training goes on.
 */
export function earlyStop(
  patience: number | undefined,
  better: Better,
  evaluations: readonly EvaluationResult[],
): number | undefined {
  const best = bestEvaluation(better, evaluations);
  if (patience === undefined || !best) return undefined;
  const waited = evaluations.length - 1 - evaluations.indexOf(best);
  return waited >= patience ? evaluations.at(-1)!.step : undefined;
}

/** Seconds in each unit of time. */
const units = { s: 1, m: 60, h: 3600 } as const;

/** An interval of `--eval-every` or `--save-every`, in steps or in time since its work was last done. */
export class Interval {
  readonly #steps: number | undefined;
  readonly #seconds: number | undefined;
  readonly #now: () => number;
  #since: number;

  /**
   * @param given a number of steps, or a time such as `10m`; undefined for never
   * @param now returns the time in seconds from any origin
   */
  constructor(given: number | string | undefined, now: () => number = () => performance.now() / 1000) {
    this.#steps = typeof given === 'number' ? given : undefined;
    const [, amount, unit] = (typeof given === 'string' && timePattern.exec(given)) || [];
    this.#seconds = unit === undefined ? undefined : Number(amount) * units[unit as keyof typeof units];
    this.#now = now;
    this.#since = now();
  }

  /** Whether the work is due now, between two steps. @param step the number of updates so far */
  isDue(step: number): boolean {
    if (this.#steps !== undefined) return step % this.#steps === 0;
    return this.#seconds !== undefined && this.#now() - this.#since >= this.#seconds;
  }

  /** Returns the next step after this one at which the work will be due; Infinity if none is known. */
  nextAfter(step: number): number {
    return this.#steps === undefined ? Number.POSITIVE_INFINITY : step - (step % this.#steps) + this.#steps;
  }

  /** Notes that the work was done. */
  done(): void {
    this.#since = this.#now();
  }
}
