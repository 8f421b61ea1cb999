/** Finds the workers that hold up the others: compares each worker's time from reading the parameters to its push. */

/** The number of steps over which times are averaged before a verdict is given. */
const windowSteps = 20;

/** A worker that takes more than this many times the median is reported. */
const tolerance = 2;

/** Differences below this, in seconds, are not reported. */
const worthReporting = 0.1;

interface Began {
  readonly step: number;
  readonly at: number;
}

/** The time that a worker spent on its steps since the last verdict. */
interface Spent {
  readonly seconds: number;
  readonly steps: number;
}

export class Stragglers {
  readonly #began = new Map<number, Began>();
  readonly #spent = new Map<number, Spent>();
  readonly #reported = new Set<number>();
  readonly #consequence: string;
  #steps = 0;

  /** @param consequence what a slow worker means to the run; ends the line that reports it */
  constructor(consequence: string) {
    this.#consequence = consequence;
  }

  /** Notes that the worker has received the parameters of a step. Times are in seconds. */
  started(worker: number, step: number, now: number): void {
    this.#began.set(worker, { step, at: now });
  }

  /**
   * Notes that the worker has computed the step, whether or not its gradient still counts. A repeated push changes
   * nothing.
   */
  pushed(worker: number, step: number, now: number): void {
    const began = this.#began.get(worker);
    if (began?.step !== step) return;
    this.#began.delete(worker);
    const { seconds, steps } = this.#spent.get(worker) ?? { seconds: 0, steps: 0 };
    this.#spent.set(worker, { seconds: seconds + now - began.at, steps: steps + 1 });
  }

  /**
   * Notes that the run has made a step. Returns a line for each worker that has newly become far slower than the
   * median.
   */
  stepEnded(): string[] {
    this.#steps += 1;
    if (this.#steps < windowSteps) return [];
    this.#steps = 0;
    // The slowest worker may have made only a few steps in this window.
    const means = [...this.#spent].map(([worker, { seconds, steps }]) => [worker, seconds / steps] as const);
    this.#spent.clear();
    const median = lowerMedian(means.map(([, mean]) => mean));
    const lines: string[] = [];
    for (const [worker, mean] of means) {
      const isSlow = mean > tolerance * median && mean - median > worthReporting;
      if (isSlow && !this.#reported.has(worker)) {
        lines.push(
          `worker ${worker} is slow: ${inWords(mean)} a step, the median worker takes ${inWords(median)}; ` +
            this.#consequence,
        );
      }
      if (isSlow) this.#reported.add(worker);
      else this.#reported.delete(worker);
    }
    return lines;
  }
}

/** The lower median: for two workers, the faster one's value. */
function lowerMedian(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
}

function inWords(value: number): string {
  return `${Number(value.toPrecision(2))} s`;
}
