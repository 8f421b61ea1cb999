/** One synchronous step being gathered: who has pushed, and which gradient is next in worker order. It computes nothing. */
import { Refusal } from './refusal.js';

/** A gradient whose turn has come; the first of a step starts the sum. */
export interface NextGradient {
  readonly gradient: Float32Array;
  readonly isFirst: boolean;
}

export class Round {
  /** The step's learning rate, once a worker has named it. */
  learningRate: number | undefined;
  /** Of the averaged gradient, once it is known. */
  sumOfSquares: number | undefined;
  #firstWorker: number | undefined;
  readonly #pushed = new Set<number>();
  readonly #waiting = new Map<number, Float32Array>();
  #added = 0;

  constructor(
    readonly step: number,
    readonly workers: number,
  ) {}

  has(worker: number): boolean {
    return this.#pushed.has(worker);
  }

  /** Whether the gradients of all workers have been handed on. */
  get isComplete(): boolean {
    return this.#added === this.workers;
  }

  /** The workers that have not pushed. */
  get missing(): number[] {
    return Array.from({ length: this.workers }, (_, worker) => worker).filter((worker) => !this.#pushed.has(worker));
  }

  /**
   * Takes a worker's gradient and returns those that can now be added in worker order, the early ones having waited.
   * @throws Refusal if the worker's learning rate is not the other workers'.
   */
  accept(worker: number, learningRate: number, gradient: Float32Array): NextGradient[] {
    this.learningRate ??= learningRate;
    this.#firstWorker ??= worker;
    if (learningRate !== this.learningRate) {
      throw new Refusal(
        'failed-precondition',
        `worker ${worker} pushes step ${this.step} with learning rate ${learningRate}, worker ${this.#firstWorker} ` +
          `with ${this.learningRate}; start all workers with the same schedule`,
      );
    }
    this.#pushed.add(worker);
    this.#waiting.set(worker, gradient);
    const ready: NextGradient[] = [];
    for (let next = this.#waiting.get(this.#added); next; next = this.#waiting.get(this.#added)) {
      this.#waiting.delete(this.#added);
      ready.push({ gradient: next, isFirst: this.#added === 0 });
      this.#added += 1;
    }
    return ready;
  }
}
