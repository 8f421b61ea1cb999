/** Which workers hold up the others: compares how long each takes from reading the parameters to its push. */

/** Steps over which times are averaged, and after which a verdict is given. */
const windowSteps = 20;

/** A worker that takes this many times as long as the median is reported. */
const tolerance = 2;

/** Less than this, in seconds, is not worth a line. */
const worthReporting = 0.1;

export class Stragglers {
  readonly #startedAt = new Map<number, number>();
  readonly #seconds = new Map<number, number>();
  readonly #reported = new Set<number>();
  #steps = 0;

  /** The worker has the parameters of a step. Times are in seconds. */
  started(worker: number, now: number): void {
    this.#startedAt.set(worker, now);
  }

  pushed(worker: number, now: number): void {
    const startedAt = this.#startedAt.get(worker);
    if (startedAt === undefined) return;
    this.#startedAt.delete(worker);
    this.#seconds.set(worker, (this.#seconds.get(worker) ?? 0) + now - startedAt);
  }

  /** All workers have pushed. Returns a line for each worker that has come to take far longer than the median. */
  stepEnded(): string[] {
    this.#steps += 1;
    if (this.#steps < windowSteps) return [];
    this.#steps = 0;
    const means = [...this.#seconds].map(([worker, sum]) => [worker, sum / windowSteps] as const);
    this.#seconds.clear();
    const median = lowerMedian(means.map(([, mean]) => mean));
    const lines: string[] = [];
    for (const [worker, mean] of means) {
      const isSlow = mean > tolerance * median && mean - median > worthReporting;
      if (isSlow && !this.#reported.has(worker)) {
        lines.push(
          `worker ${worker} is slow: ${seconds(mean)} a step, the median worker takes ${seconds(median)}; ` +
            'all wait for it at every step',
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

function seconds(value: number): string {
  return `${Number(value.toPrecision(2))} s`;
}
