/**
 * The steps of workers that each go at their own pace, in one generation of a run. Each push is an update by itself. A
 * worker may begin step t once the slowest has made t - staleness steps: stale synchronous parallel (Ho et al. 2013).
 * Without a bound, this is asynchronous gradient descent (Dean et al. 2012). Where a snapshot is due, all workers wait
 * for each other, so that the snapshots of all shards hold the same steps.
 */
import type { RequestOf } from './messages.js';
import type { Outbox } from './outbox.js';
import { Refusal } from './refusal.js';
import type { SnapshotSchedule } from './snapshot-schedule.js';
import { falseNorm, incomplete, passed, type Standing, type Steps, type Wait } from './steps.js';
import { Stragglers } from './stragglers.js';

export interface OwnPaceStepsOptions {
  readonly generation: number;
  /** The number of steps that every worker has made. */
  readonly step: number;
  readonly workers: number;
  /** How many steps a worker may be ahead of the slowest. */
  readonly staleness: number;
  /** Whether this is the first shard. Workers push to it last, so it knows which steps they have made on all shards. */
  readonly leads: boolean;
  readonly snapshots: SnapshotSchedule;
  readonly out: Outbox;
}

/**
 * How many times larger a shard's part of a gradient may be than its worker says the whole is: codecs round. A smaller
 * number would turn clipping off.
 */
const tolerance = 1.01;

/** A push whose gradient has not been applied yet. */
interface Pending {
  readonly push: RequestOf<'push'>;
  readonly staleness: number;
}

export class OwnPaceSteps implements Steps {
  readonly lease = 0;
  readonly generation: number;
  readonly #options: OwnPaceStepsOptions;
  readonly #out: Outbox;
  /** By worker: the number of its steps that have been applied. */
  readonly #clocks: number[];
  /** By worker: the number of updates contained in the parameters it last read. */
  readonly #seen: number[];
  /** By worker: the number of other workers' updates that its last step had not seen. */
  readonly #staleness: number[];
  /** In the order of arrival, at most one per worker. */
  readonly #pending: Pending[] = [];
  readonly #stragglers: Stragglers;
  #applying: Pending | undefined;
  /** Whether updates wait because a due snapshot must wait for the previous one to be written. */
  #isPaused = false;

  constructor(options: OwnPaceStepsOptions) {
    const { generation, step, workers, out } = options;
    this.generation = generation;
    this.#options = options;
    this.#out = out;
    this.#clocks = new Array<number>(workers).fill(step);
    this.#seen = new Array<number>(workers).fill(step * workers);
    this.#staleness = new Array<number>(workers).fill(0);
    const isBounded = Number.isFinite(options.staleness);
    this.#stragglers = new Stragglers(
      isBounded ? 'the others wait when they are as far ahead as they may be' : 'its gradients are the most stale',
    );
  }

  /** The step of the slowest worker. */
  get step(): number {
    return Math.min(...this.#clocks);
  }

  get updating(): string {
    const { worker } = this.#applying!.push.caller;
    return `step ${this.#applying!.push.step} of worker ${worker}`;
  }

  get isUpdating(): boolean {
    return this.#applying !== undefined || this.#isPaused;
  }

  standing(worker: number): Standing {
    return { step: this.#clocks[worker]!, appliedSumOfSquares: undefined, pendingSumOfSquares: undefined };
  }

  /** Always true: others may update while a worker reads. The worker gets at least the updates that it must have. */
  isReadableAt(): boolean {
    return true;
  }

  push(request: RequestOf<'push'>, now: number): void {
    const { worker } = request.caller;
    this.#stragglers.pushed(worker, request.step, now);
    const clock = this.#clocks[worker]!;
    if (request.step > clock || this.step < this.#slowestFor(request)) {
      throw new Refusal('aborted', `worker ${worker} pushes step ${request.step}, the shard has ${clock} of its steps`);
    }
    if (request.step === clock && !this.#isOnItsWay(worker)) this.#accept(request);
    this.#out.hold(request);
    this.#answerPushes();
    this.#applyNext();
  }

  pull(request: RequestOf<'pull'>, now: number): void {
    const { step, caller } = request;
    const clock = this.#clocks[caller.worker]!;
    if (step > clock) throw passed(caller.worker, step, clock);
    this.#out.hold(request);
    this.#answerPulls(now);
  }

  updated(now: number): void {
    const { push, staleness } = this.#applying!;
    const { worker } = push.caller;
    this.#applying = undefined;
    this.#clocks[worker]! += 1;
    this.#staleness[worker] = staleness;
    this.#answerPushes();
    const areLevel = this.#clocks.every((clock) => clock === this.step);
    this.#isPaused = areLevel && !this.#options.snapshots.reach(this.step);
    this.#reportSlow();
    this.#goOn(now);
  }

  /**
   * Reports stragglers once per as many updates as there are workers, the equivalent of one common step. Only the first
   * shard reports.
   */
  #reportSlow(): void {
    const { workers, leads } = this.#options;
    if (!leads || this.#updates % workers !== 0) return;
    for (const line of this.#stragglers.stepEnded()) this.#out.add({ type: 'notice', severity: 'warning', line });
  }

  snapshotWritten(now: number): void {
    if (!this.#options.snapshots.written(this.step)) return;
    this.#isPaused = false;
    this.#goOn(now);
  }

  wait(workers: readonly number[]): Wait {
    const requests = this.#out.waitingFor('pull');
    const needed = Math.max(...requests.map((request) => this.#slowestFor(request)));
    return { requests, workers: workers.filter((worker) => this.#clocks[worker]! < needed) };
  }

  /** Returns the number of steps that every worker must have made before this request is served. */
  #slowestFor({ step, ...request }: RequestOf<'push' | 'pull'>): number {
    const meets = request.type === 'pull' && request.meets;
    return meets || this.#options.snapshots.isDue(step) ? step : step - this.#options.staleness;
  }

  #accept(push: RequestOf<'push'>): void {
    const { worker } = push.caller;
    if (!push.contribution) throw incomplete(`worker ${worker}'s gradient of step ${push.step} has`);
    const { sumOfSquares: own } = push.contribution;
    const said = push.sumOfSquares ?? 0;
    if (own > said * tolerance) throw falseNorm(worker, push.step, said, own);
    const ahead = this.#pending.length + (this.#applying ? 1 : 0);
    this.#pending.push({ push, staleness: this.#updates + ahead - this.#seen[worker]! });
  }

  #applyNext(): void {
    if (this.isUpdating) return;
    this.#applying = this.#pending.shift();
    if (!this.#applying) return;
    const { push, staleness } = this.#applying;
    const { contribution, lanes, learningRate, sumOfSquares = 0 } = push;
    const { generation } = this;
    this.#out.add({ type: 'add', contribution: contribution!, lanes, isFirst: true });
    this.#out.add({ type: 'update', generation, step: this.#updates + 1, learningRate, sumOfSquares, staleness });
  }

  #goOn(now: number): void {
    this.#answerPulls(now);
    this.#applyNext();
  }

  #answerPushes(): void {
    for (const request of this.#out.waitingFor('push')) {
      const { worker } = request.caller;
      if (request.step >= this.#clocks[worker]!) continue;
      const { sumOfSquares = 0 } = request;
      this.#out.answer(request, { type: 'pushed', sumOfSquares, counted: [], staleness: this.#staleness[worker]! });
    }
  }

  #answerPulls(now: number): void {
    if (this.#isPaused) return;
    for (const request of this.#out.waitingFor('pull')) {
      const { worker } = request.caller;
      // An earlier process of this worker has pushed: finish applying its step first.
      if (this.#isOnItsWay(worker)) continue;
      const clock = this.#clocks[worker]!;
      if (this.#options.leads && request.step < clock) this.#out.refuse(request, passed(worker, request.step, clock));
      else if (this.step >= this.#slowestFor(request)) this.#answerPull(request, now);
    }
  }

  #answerPull(request: RequestOf<'pull'>, now: number): void {
    this.#seen[request.caller.worker] = this.#updates;
    this.#stragglers.started(request.caller.worker, request.step, now);
    this.#out.answer(request, { type: 'parameters', step: request.step });
  }

  #isOnItsWay(worker: number): boolean {
    return [...this.#pending, this.#applying].some((pending) => pending?.push.caller.worker === worker);
  }

  /** The number of updates contained in the values. */
  get #updates(): number {
    return this.#clocks.reduce((sum, clock) => sum + clock, 0);
  }
}
