/**
 * Gathers the pushes of one synchronous step: who has pushed, whose gradients make the step, and which contribution is
 * next. It does no arithmetic.
 */
import type { Contribution, LaneRange } from './messages.js';
import { Refusal } from './refusal.js';

/** A contribution whose turn has come. The first contribution of a step starts the sum. */
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

/** A worker's gradient, by its size. */
interface Sized {
  readonly worker: number;
  readonly sumOfSquares: number;
}

/**
 * The gradients that make a step: all workers', those of the first few to push, or those that the first shard has
 * counted.
 */
export type Counting =
  | { readonly type: 'all' }
  /** Counts the first `workers` pushes. Worker 0, which evaluates while the others wait, is always among them. */
  | { readonly type: 'first'; readonly workers: number }
  | { readonly type: 'told' };

export class Round {
  /** The step's learning rate, once a worker has sent it. */
  learningRate: number | undefined;
  /** The gradient's sum of squares, once it is known. */
  sumOfSquares: number | undefined;
  #firstWorker: number | undefined;
  #largest: Sized = { worker: 0, sumOfSquares: -1 };
  readonly #pushed = new Set<number>();
  readonly #waiting = new Map<number, Push>();
  /**
   * The workers whose gradients make the step, in the order of their lanes. Undefined while undecided, or if all count.
   */
  #counted: readonly number[] | undefined;
  #added = 0;
  #addedLanes = 0;
  #nextLane = 0;

  constructor(
    readonly step: number,
    readonly lanes: number,
    readonly counting: Counting,
  ) {}

  has(worker: number): boolean {
    return this.#pushed.has(worker);
  }

  /** The worker whose gradient is the largest of those that have come. */
  get largest(): Sized {
    return this.#largest;
  }

  get isFresh(): boolean {
    return this.#pushed.size === 0;
  }

  /** Empty if all workers count, or while undecided. */
  get counted(): readonly number[] {
    return this.#counted ?? [];
  }

  /** Returns whether the worker's gradient is part of the step, or may still become part of it. */
  isOpenTo(worker: number): boolean {
    return this.#counted === undefined || this.#counted.includes(worker);
  }

  /** Whether the gradients of all counted workers have been handed on. */
  get isComplete(): boolean {
    return this.#counted ? this.#added === this.#counted.length : this.#addedLanes === this.lanes;
  }

  /** The factor that scales the sum over the counted lanes to one over all lanes. Valid once the round is complete. */
  get scale(): number {
    return this.lanes / this.#addedLanes;
  }

  /**
   * Takes a worker's contribution and returns those that can now be added in the order of lanes, including earlier ones
   * that had to wait.
   * @param counted on shards other than the first: the workers whose gradients make the step, if not all do
   * @throws Refusal if the worker's learning rate differs from the other workers'.
   */
  accept(push: Push, counted: readonly number[]): NextContribution[] {
    const { worker, learningRate } = push;
    this.learningRate ??= learningRate;
    this.#firstWorker ??= worker;
    if (learningRate !== this.learningRate) {
      throw new Refusal(
        'failed-precondition',
        `worker ${worker} pushes step ${this.step} with learning rate ${learningRate}, worker ${this.#firstWorker} ` +
          `with ${this.learningRate}; start all workers with the same schedule`,
      );
    }
    if (this.counting.type === 'told' && !counted.includes(worker)) {
      throw new Refusal('failed-precondition', `worker ${worker} pushes step ${this.step} without being counted in it`);
    }
    const { sumOfSquares } = push.contribution;
    if (sumOfSquares > this.#largest.sumOfSquares) this.#largest = { worker, sumOfSquares };
    this.#pushed.add(worker);
    this.#waiting.set(worker, push);
    this.#count(counted);
    const ready: NextContribution[] = [];
    for (let next = this.#takeNext(); next; next = this.#takeNext()) {
      ready.push({ contribution: next.contribution, lanes: next.lanes, isFirst: this.#added === 0 });
      this.#added += 1;
      this.#addedLanes += next.lanes.to - next.lanes.from;
      this.#nextLane = next.lanes.to;
    }
    return ready;
  }

  #count(told: readonly number[]): void {
    if (this.#counted || this.counting.type === 'all') return;
    if (this.counting.type === 'told') {
      this.#counted = told;
    } else if (this.#pushed.size >= this.counting.workers && this.#pushed.has(0)) {
      const inOrder = [...this.#waiting.values()].toSorted((a, b) => a.lanes.from - b.lanes.from);
      this.#counted = inOrder.map(({ worker }) => worker);
    }
  }

  #takeNext(): Push | undefined {
    const isNext = this.#counted
      ? ({ worker }: Push) => worker === this.#counted![this.#added]
      : ({ lanes }: Push) => this.counting.type === 'all' && lanes.from === this.#nextLane;
    const next = [...this.#waiting.values()].find(isNext);
    if (next) this.#waiting.delete(next.worker);
    return next;
  }
}
