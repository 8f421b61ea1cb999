/** Which workers hold up the others: compares how long each takes from reading the parameters to its push. */

/** Steps of the run over which times are averaged, and after which a verdict is given. */
const windowSteps = 20;

/** A worker that takes this many times as long as the median is reported. */
const tolerance = 2;

/** Less than this, in seconds, is not worth a line. */
const worthReporting = 0.1;

interface Began {
  readonly step: number;
  readonly at: number;
}

/** What a worker took for its steps since the last verdict. */
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

  /** @param consequence what a slow worker means to the run, in words that end the line about it */
  constructor(consequence: string) {
    this.#consequence = consequence;
  }

  /** The worker has the parameters of a step. Times are in seconds. */
  started(worker: number, step: number, now: number): void {
    this.#began.set(worker, { step, at: now });
  }

  /** The worker has computed the step, whether or not that still counts. What is pushed again changes nothing. */
  pushed(worker: number, step: number, now: number): void {
    const began = this.#began.get(worker);
    if (began?.step !== step) return;
    this.#began.delete(worker);
    const { seconds, steps } = this.#spent.get(worker) ?? { seconds: 0, steps: 0 };
    this.#spent.set(worker, { seconds: seconds + now - began.at, steps: steps + 1 });
  }

  /** The run is a step further. Returns a line for each worker that has come to take far longer than the median. */
  stepEnded(): string[] {
    this.#steps += 1;
    if (this.#steps < windowSteps) return [];
    this.#steps = 0;
    // The slowest may have made few steps meanwhile.
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

/** Of two workers, the faster one's. */
function lowerMedian(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
}

function inWords(value: number): string {
  return `${Number(value.toPrecision(2))} s`;
}
