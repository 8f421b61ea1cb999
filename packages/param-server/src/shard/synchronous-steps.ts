/**
 * The steps that all workers make together, in one generation of a run. Gathers pushes, updates when the global norm is
 * known, and lets workers read. It knows workers only by their requests; the shard decides who is awaited and who
 * computes which lanes.
 */
import type { RequestOf } from './messages.js';
import type { Outbox } from './outbox.js';
import { Refusal } from './refusal.js';
import { type Counting, Round } from './round.js';
import type { SnapshotSchedule } from './snapshot-schedule.js';
import { falseNorm, incomplete, passed, type Standing, type Steps, type Wait } from './steps.js';
import { Stragglers } from './stragglers.js';

/** The previous round, remembered to answer repeated requests. */
interface AppliedRound {
  readonly round: Round;
  readonly sumOfSquares: number;
  /** The sum over all shards, and the worker that sent it. */
  readonly global: { readonly sumOfSquares: number; readonly worker: number };
}

export interface SynchronousStepsOptions {
  readonly generation: number;
  /** The number of updates contained in the values. */
  readonly step: number;
  /** The number of lanes of the global batch. */
  readonly lanes: number;
  readonly counting: Counting;
  /** Whether this shard knows the whole gradient, and so its norm. */
  readonly isOnlyShard: boolean;
  /** Whether leases are dealt elsewhere, so that the first push under one tells of it. */
  readonly learnsLeases: boolean;
  readonly snapshots: SnapshotSchedule;
  readonly out: Outbox;
}

export class SynchronousSteps implements Steps {
  readonly generation: number;
  readonly #snapshots: SnapshotSchedule;
  readonly #out: Outbox;
  readonly #stragglers: Stragglers;
  readonly #isOnlyShard: boolean;
  readonly #learnsLeases: boolean;
  #round: Round;
  #applied: AppliedRound | undefined;
  #isUpdating = false;
  #lease = 0;

  constructor({
    generation,
    step,
    lanes,
    counting,
    isOnlyShard,
    learnsLeases,
    snapshots,
    out,
  }: SynchronousStepsOptions) {
    this.generation = generation;
    this.#isOnlyShard = isOnlyShard;
    this.#learnsLeases = learnsLeases;
    this.#snapshots = snapshots;
    this.#out = out;
    this.#round = new Round(step, lanes, counting);
    const areAwaited = counting.type === 'all';
    this.#stragglers = new Stragglers(areAwaited ? 'all wait for it at every step' : 'steps are made without it');
  }

  get step(): number {
    return this.#round.step;
  }

  /** The update that has been requested leads to this step. */
  get updating(): string {
    return `step ${this.step - 1}`;
  }

  /** Says that the step's gradients add up to something infinite, and whose is the largest. */
  get overflow(): string {
    const { worker, sumOfSquares } = this.#round.largest;
    const norm = Number(Math.sqrt(sumOfSquares).toPrecision(2));
    return `step ${this.step}: the gradients add up to Infinity, the largest, of norm ${norm}, is worker ${worker}'s`;
  }

  get lease(): number {
    return this.#lease;
  }

  get isUpdating(): boolean {
    return this.#isUpdating;
  }

  /**
   * `appliedSumOfSquares` belongs to the gradient that led to this step; `pendingSumOfSquares` to this step's gradient,
   * once all have pushed.
   */
  standing(): Standing {
    const { step, sumOfSquares: pendingSumOfSquares } = this.#round;
    return { step, appliedSumOfSquares: this.#applied?.sumOfSquares, pendingSumOfSquares };
  }

  isReadableAt(step: number): boolean {
    return step === this.step && !this.#isUpdating;
  }

  /** Whether nobody has pushed this step, so that lanes can be dealt anew without wasting work. */
  get isFresh(): boolean {
    return this.#round.isFresh;
  }

  hasPushed(worker: number): boolean {
    return this.#round.has(worker);
  }

  /** With backup workers, those whose gradients make the step; empty while undecided. */
  get counted(): readonly number[] {
    return this.#round.counted;
  }

  wait(workers: readonly number[]): Wait {
    const awaited = workers.filter((worker) => this.#round.isOpenTo(worker) && !this.#round.has(worker));
    return { requests: this.#out.waitingFor('push'), workers: awaited };
  }

  /** Starts the round anew, because lanes move to other workers or because a worker that it counted on was lost. */
  renew(lease: number): void {
    this.#lease = lease;
    this.#round = this.#roundAt(this.step);
    this.#out.refuseAll(this.#out.waitingFor('push'), leasedAnew());
  }

  push(request: RequestOf<'push'>, now: number): void {
    const { caller, step } = request;
    // Record the time even of a worker whose push comes too late to count: it is slow all the same.
    this.#stragglers.pushed(caller.worker, step, now);
    if (step === this.step - 1 && this.#applied) {
      const { round, sumOfSquares } = this.#applied;
      if (!round.isOpenTo(caller.worker)) throw tooLate(caller.worker, step);
      this.#out.answer(request, { type: 'pushed', sumOfSquares, counted: round.counted, staleness: 0 });
      return;
    }
    if (step !== this.step || this.#isUpdating) {
      throw new Refusal('aborted', `worker ${caller.worker} pushes step ${step}, the shard is at ${this.step}`);
    }
    if (caller.lease < this.#lease) throw leasedAnew();
    // The first shard leases. The other shards learn of it from the first worker that computes under the new lease.
    if (caller.lease > this.#lease && !this.#learnsLeases) {
      throw new Refusal(
        'aborted',
        `worker ${caller.worker} pushes under lease ${caller.lease}, the last is ${this.#lease}; join again`,
      );
    }
    if (caller.lease > this.#lease) this.renew(caller.lease);
    const round = this.#round;
    if (round.isOpenTo(caller.worker) && !round.has(caller.worker)) this.#accept(request);
    this.#out.hold(request);
    this.#answerPushes();
  }

  measured(sumOfSquares: number): void {
    this.#round.sumOfSquares = sumOfSquares;
    this.#answerPushes();
    for (const line of this.#stragglers.stepEnded()) this.#out.add({ type: 'notice', severity: 'warning', line });
  }

  commit(request: RequestOf<'commit'>): void {
    const { caller, step, sumOfSquares } = request;
    if (step === this.step) this.#update(request, sumOfSquares);
    else if (step !== this.step - 1) throw passed(caller.worker, step + 1, this.step);
    this.#out.answer(request, { type: 'done' });
  }

  pull(request: RequestOf<'pull'>, now: number): void {
    const { step, sumOfSquares, caller } = request;
    // The worker may be about to write a checkpoint that has meanwhile become another worker's task.
    if (caller.lease < this.#lease) throw leasedAnew();
    if (step < this.step || step > this.step + 1) throw passed(caller.worker, step, this.step);
    if (step > this.step && sumOfSquares !== undefined) this.#update(request, sumOfSquares);
    else if (sumOfSquares !== undefined) this.#requireSameNorm(caller.worker, step, sumOfSquares);
    if (step === this.step && !this.#isUpdating) this.#answerPull(request, now);
    else this.#out.hold(request);
  }

  updated(now: number): void {
    const mayGoOn = this.#snapshots.reach(this.step);
    if (mayGoOn) this.#goOn(now);
  }

  snapshotWritten(now: number): void {
    if (this.#snapshots.written(this.step)) this.#goOn(now);
  }

  #accept({ caller, learningRate, lanes, counted, contribution, step }: RequestOf<'push'>): void {
    const { worker } = caller;
    if (!contribution) throw incomplete(`worker ${worker}'s gradient of step ${step} has`);
    for (const ready of this.#round.accept({ worker, learningRate, lanes, contribution }, counted)) {
      this.#out.add({ type: 'add', ...ready });
    }
    if (this.#round.isComplete) this.#out.add({ type: 'measure', scale: this.#round.scale });
  }

  /**
   * Answers the pushes once the step's gradient is known. Workers that do not count wait for the update and then
   * rejoin.
   */
  #answerPushes(): void {
    const { sumOfSquares, counted } = this.#round;
    if (sumOfSquares === undefined) return;
    for (const request of this.#out.waitingFor('push')) {
      if (this.#round.isOpenTo(request.caller.worker)) {
        this.#out.answer(request, { type: 'pushed', sumOfSquares, counted, staleness: 0 });
      }
    }
  }

  #roundAt(step: number): Round {
    return new Round(step, this.#round.lanes, this.#round.counting);
  }

  #update({ caller: { worker, lease } }: RequestOf<'pull' | 'commit'>, globalSumOfSquares: number): void {
    const { step, sumOfSquares, learningRate } = this.#round;
    if (lease < this.#lease) throw leasedAnew();
    if (sumOfSquares === undefined || learningRate === undefined) {
      throw new Refusal('aborted', `worker ${worker} pulls step ${step + 1} before all have pushed ${step}`);
    }
    this.#requirePossible(worker, sumOfSquares, globalSumOfSquares);
    this.#applied = { round: this.#round, sumOfSquares, global: { sumOfSquares: globalSumOfSquares, worker } };
    this.#round = this.#roundAt(step + 1);
    for (const late of this.#out.waitingFor('push')) this.#out.refuse(late, tooLate(late.caller.worker, step));
    this.#isUpdating = true;
    const { generation } = this;
    this.#out.add({
      type: 'update',
      generation,
      step: step + 1,
      learningRate,
      sumOfSquares: globalSumOfSquares,
      staleness: 0,
    });
  }

  /**
   * Compares a worker's sum over all shards with this shard's own part of it.
   * @throws Refusal if that worker cannot be right; a smaller sum would turn clipping off
   */
  #requirePossible(worker: number, own: number, said: number): void {
    if (this.#isOnlyShard ? said === own : said >= own) return;
    throw falseNorm(worker, this.step, said, own);
  }

  #goOn(now: number): void {
    this.#isUpdating = false;
    for (const request of this.#out.waitingFor('pull')) {
      if (request.step === this.step) this.#answerPull(request, now);
    }
  }

  #answerPull(request: RequestOf<'pull'>, now: number): void {
    this.#stragglers.started(request.caller.worker, this.step, now);
    this.#out.answer(request, { type: 'parameters', step: this.step });
  }

  #requireSameNorm(worker: number, step: number, sumOfSquares: number): void {
    const applied = this.#applied?.global;
    // Use Object.is so that a gradient that became NaN compares equal for every worker.
    if (!applied || Object.is(applied.sumOfSquares, sumOfSquares)) return;
    throw new Refusal(
      'failed-precondition',
      `worker ${worker} pulls step ${step} with squared gradient norm ${sumOfSquares}, worker ${applied.worker} with ` +
        `${applied.sumOfSquares}; do both list the same servers? If so, one of them lies: end it`,
    );
  }
}

function tooLate(worker: number, step: number): Refusal {
  return new Refusal('aborted', `worker ${worker} pushes step ${step} when enough others have; join again`);
}

/** Returns the refusal for a worker that joined before the lanes were dealt anew. */
export function leasedAnew(): Refusal {
  return new Refusal('aborted', 'the lanes have been leased anew; join again for yours');
}
