/** One synchronous step being gathered: who has pushed, and which lanes' gradient is next. It computes nothing. */
import type { Contribution, LaneRange } from './messages.js';
import { Refusal } from './refusal.js';

/** A contribution whose turn has come; the first of a step starts the sum. */
export interface NextContribution {
  readonly contribution: Contribution;
  readonly lanes: LaneRange;
  readonly isFirst: boolean;
}

export interface Push {
  readonly worker: number;
  readonly lanes: LaneRange;
  readonly learningRate: number;
  readonly contribution: Contribution;
}

export class Round {
  /** The step's learning rate, once a worker has named it. */
  learningRate: number | undefined;
  /** Of the gradient, once it is known. */
  sumOfSquares: number | undefined;
  #firstWorker: number | undefined;
  readonly #pushed = new Set<number>();
  /** By the first lane. */
  readonly #waiting = new Map<number, Push>();
  #addedLanes = 0;

  constructor(
    readonly step: number,
    readonly lanes: number,
  ) {}

  has(worker: number): boolean {
    return this.#pushed.has(worker);
  }

  get isFresh(): boolean {
    return this.#pushed.size === 0;
  }

  /** Whether the gradients of all lanes have been handed on. */
  get isComplete(): boolean {
    return this.#addedLanes === this.lanes;
  }

  /**
   * Takes a worker's contribution and returns those that can now be added in the order of lanes, the early ones having
   * waited.
   * @throws Refusal if the worker's learning rate is not the other workers'.
   */
  accept(push: Push): NextContribution[] {
    const { worker, learningRate, lanes } = push;
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
    this.#waiting.set(lanes.from, push);
    const ready: NextContribution[] = [];
    for (let next = this.#takeNext(); next; next = this.#takeNext()) {
      ready.push({ contribution: next.contribution, lanes: next.lanes, isFirst: this.#addedLanes === 0 });
      this.#addedLanes = next.lanes.to;
    }
    return ready;
  }

  #takeNext(): Push | undefined {
    const next = this.#waiting.get(this.#addedLanes);
    this.#waiting.delete(this.#addedLanes);
    return next;
  }
}
