/**
 * The deterministic heart of a shard: messages in, effects out. It has no clock (`now` is told to it), disk or socket, and
 * it never waits. This file lets workers in and out and gives the run its values; what happens in a step, which all
 * workers make together or each by itself, is in `synchronous-steps.ts` and `own-pace-steps.ts`.
 */
import { requireSameModel, requireSamePlace, requireSuited, type ShardPlace, type ShardPolicy } from './agreement.js';
import { Attendance } from './attendance.js';
import { LaneLeases } from './lane-leases.js';
import { Membership } from './membership.js';
import type { Answer, LaneRange, Request, RequestOf, RunDescription, ShardEffect, ShardMessage } from './messages.js';
import { Outbox } from './outbox.js';
import { OwnPaceSteps } from './own-pace-steps.js';
import { Refusal } from './refusal.js';
import type { Counting } from './round.js';
import { SnapshotSchedule } from './snapshot-schedule.js';
import { incomplete, type Standing, type Steps, type Wait } from './steps.js';
import { SynchronousSteps } from './synchronous-steps.js';

export class Shard {
  readonly #place: ShardPlace;
  readonly #policy: ShardPolicy;
  readonly #members: Membership;
  readonly #attendance: Attendance;
  readonly #out = new Outbox();
  readonly #snapshots: SnapshotSchedule;
  #run: RunDescription | undefined;
  #leases = new LaneLeases(0);
  #generation = 0;
  /** Undefined until worker 0 has supplied the values, or while they are read from a snapshot. */
  #steps: Steps | undefined;
  #failure: Refusal | undefined;

  constructor(place: ShardPlace, policy: ShardPolicy) {
    this.#place = place;
    this.#policy = policy;
    this.#members = new Membership(place.workers, policy.minWorkers);
    this.#attendance = new Attendance(this.#members, policy);
    this.#snapshots = new SnapshotSchedule(policy.snapshotEvery, this.#out);
  }

  /** Whether the run goes on without workers that leave. */
  get isElastic(): boolean {
    return this.#policy.minWorkers < this.#place.workers;
  }

  /** Whether a worker at this step of this generation may go on reading the vectors. */
  isReadableAt(generation: number, step: number): boolean {
    const steps = this.#steps;
    return steps !== undefined && steps.generation === generation && steps.isReadableAt(step);
  }

  /** What follows from hearing `message` at time `now`, in seconds from any origin. Effects are to be done in order. */
  receive(message: ShardMessage, now: number): ShardEffect[] {
    if ('caller' in message) this.#receiveRequest(message, now);
    else this.#receiveEvent(message, now);
    this.#lendLanes(now);
    this.#doWithoutLost(now);
    if (this.#steps && this.#unfinished(now).length === 0) this.#out.answerAll('finish', { type: 'done' });
    this.#lookForAbsent(now);
    return this.#out.takeEffects();
  }

  #receiveRequest(request: Request, now: number): void {
    try {
      if (this.#failure) throw this.#failure;
      if (request.type !== 'join') this.#members.hear(request.caller, now);
      switch (request.type) {
        case 'join':
          this.#join(request, now);
          break;
        case 'initialize':
          this.#initialize(request, now);
          break;
        case 'restore':
          this.#restore(request);
          break;
        case 'push':
          this.#push(request, now);
          break;
        case 'commit':
          this.#commit(request);
          break;
        case 'pull':
          this.#stepsFor(request).pull(request, now);
          break;
        case 'heartbeat':
          this.#out.answer(request, { type: 'beat', generation: this.#generation, lease: this.#lease });
          break;
        case 'finish':
          this.#finish(request);
          break;
        case 'leave':
          this.#leave(request);
          break;
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#out.refuse(request, error);
    }
  }

  #receiveEvent(message: Exclude<ShardMessage, Request>, now: number): void {
    switch (message.type) {
      case 'cancel':
        this.#out.forget(message.request);
        break;
      case 'measured':
        this.#common?.measured(message.sumOfSquares);
        break;
      case 'updated':
        if (message.generation === this.#steps?.generation) this.#steps.updated(now);
        break;
      case 'update-failed':
        this.#fail(new Refusal('internal', `the optimizer failed on the server: ${message.reason}`));
        break;
      case 'restored':
        if (message.generation !== this.#generation) break;
        this.#open(message.step, now);
        this.#out.answerAll('restore', { type: 'done' });
        break;
      case 'restore-failed':
        if (message.generation !== this.#generation) break;
        this.#out.refuseAll(this.#out.waitingFor('restore'), new Refusal('aborted', message.reason));
        break;
      case 'snapshot-written':
        if (this.#steps) this.#steps.snapshotWritten(now);
        else this.#snapshots.written(0);
        break;
      case 'drain':
        this.#fail(new Refusal('unavailable', 'the parameter server is shutting down'));
        break;
      case 'tick':
        break;
    }
  }

  #join(request: RequestOf<'join'>, now: number): void {
    const { caller, run, holdsBack } = request;
    requireSamePlace(caller.worker, run, this.#place);
    if (this.#run) requireSameModel(caller.worker, run, this.#run);
    else requireSuited(run, this.#policy);
    const replaced = this.#members.enter(caller, now);
    if (replaced) this.#refuseOlder(request, replaced);
    if (replaced && holdsBack) this.#forget(caller.worker);
    this.#notify(this.#attendance.returned(caller.worker, this.#where));
    if (!this.#run) {
      this.#run = run;
      this.#leases = new LaneLeases(run.model.lanes.count);
      this.#out.add({ type: 'adopt', run });
    }
    this.#out.hold(request);
    this.#answerJoins();
  }

  #refuseOlder({ caller: { worker, incarnation } }: Request, refusal: Refusal): void {
    const older = this.#out.waiting.filter(
      ({ caller }) => caller.worker === worker && caller.incarnation < incarnation,
    );
    this.#out.refuseAll(older, refusal);
  }

  /** Worker 0 is let in at once, to supply the values; the others when there is something for them to do. */
  #answerJoins(): void {
    for (const request of this.#out.waitingFor('join')) {
      const { worker } = request.caller;
      const hasPart = !this.#leads || this.#leases.of(worker) !== undefined;
      if (this.#steps ? hasPart : worker === 0) this.#out.answer(request, this.#joined(worker));
    }
  }

  #joined(worker: number): Answer {
    return {
      type: 'joined',
      initialized: this.#steps !== undefined,
      generation: this.#generation,
      lease: this.#lease,
      lanes: this.#leases.of(worker),
      ...(this.#steps?.standing(worker) ?? nowhere),
    };
  }

  #initialize(request: RequestOf<'initialize'>, now: number): void {
    const { generation, step, values } = request;
    if (!this.#hasBegun(request)) {
      if (!values) throw incomplete('the initial values have');
      this.#begin(generation);
      this.#out.add({ type: 'install', values });
      this.#open(step, now);
    }
    this.#out.answer(request, { type: 'done' });
  }

  #restore(request: RequestOf<'restore'>): void {
    const { generation, step } = request;
    if (!this.#hasBegun(request)) {
      this.#begin(generation);
      this.#out.add({ type: 'restore', generation, step });
    }
    if (this.#steps) this.#out.answer(request, { type: 'done' });
    else this.#out.hold(request);
  }

  /** Whether this generation was begun before: a request that is repeated changes nothing. */
  #hasBegun({ caller, generation }: RequestOf<'initialize' | 'restore'>): boolean {
    if (caller.worker !== 0) {
      throw new Refusal('failed-precondition', `worker ${caller.worker} may not initialise the shard; worker 0 does`);
    }
    if (generation < this.#generation) {
      throw new Refusal('aborted', `generation ${generation} is over, the shard is in ${this.#generation}`);
    }
    return generation === this.#generation;
  }

  /** A worker's process took a part of the gradients with it: only a snapshot, beyond which none is held back, is whole. */
  #forget(worker: number): void {
    if (!this.#steps) return;
    this.#notify([`worker ${worker} was started again ${this.#where}: back to where nothing was held back`]);
    this.#begin(this.#generation);
  }

  /** Gives up what was computed in the last generation. */
  #begin(generation: number): void {
    this.#generation = generation;
    this.#steps = undefined;
    this.#snapshots.forgetWaiting();
    this.#members.forgetFinished();
    const outdated = this.#out.waiting.filter(({ type }) => type !== 'join');
    this.#out.refuseAll(outdated, new Refusal('aborted', 'the servers went back to an earlier step; join again'));
  }

  /** The shard has its values: training can go on from `step`. */
  #open(step: number, now: number): void {
    this.#steps = this.#stepsFrom(step);
    const present = this.#everyone.filter((worker) => !this.#attendance.isLost(worker, now));
    this.#leases.deal(this.isElastic && present.length >= this.#policy.minWorkers ? present : this.#everyone);
    this.#answerJoins();
  }

  #stepsFrom(step: number): Steps {
    const { lanes, staleness } = this.#run!.model;
    const common = { generation: this.#generation, step, snapshots: this.#snapshots, out: this.#out };
    if (staleness === undefined)
      return new SynchronousSteps({ ...common, lanes: lanes.count, counting: this.#counting });
    return new OwnPaceSteps({ ...common, workers: this.#place.workers, staleness, leads: this.#leads });
  }

  #push(request: RequestOf<'push'>, now: number): void {
    const steps = this.#stepsFor(request);
    const { caller, lanes } = request;
    const own = this.#leases.of(caller.worker);
    // In an elastic run only the first shard knows who has which lanes.
    const isKnown = caller.lease === steps.lease && (this.#leads || !this.isElastic);
    if (isKnown && (own?.from !== lanes.from || own.to !== lanes.to)) throw notItsLanes(request, own);
    steps.push(request, now);
  }

  #commit(request: RequestOf<'commit'>): void {
    this.#stepsFor(request);
    if (this.#common) this.#common.commit(request);
    else throw new Refusal('failed-precondition', 'workers go at their own pace here: no step is common to commit');
  }

  /** The steps, where all workers make them together. */
  get #common(): SynchronousSteps | undefined {
    return this.#steps instanceof SynchronousSteps ? this.#steps : undefined;
  }

  /** The steps that the caller has a part in. @throws Refusal if it joined an earlier generation */
  #stepsFor({ caller }: Request): Steps {
    if (this.#steps && caller.generation === this.#generation) return this.#steps;
    throw new Refusal('aborted', `worker ${caller.worker} knows nothing of generation ${this.#generation}; join again`);
  }

  #finish(request: RequestOf<'finish'>): void {
    this.#stepsFor(request);
    this.#members.finish(request.caller.worker);
    this.#out.hold(request);
  }

  #leave(request: RequestOf<'leave'>): void {
    const { caller, isFinished } = request;
    if (isFinished) this.#members.finish(caller.worker);
    this.#members.leave(caller.worker);
    this.#out.answer(request, { type: 'done' });
    if (this.#members.allHaveLeft) this.#out.add({ type: 'finish', isComplete: this.#members.allHaveFinished });
  }

  /** The workers with lanes that have more to do, or have not said that they have not, and are to be waited for. */
  #unfinished(now: number): readonly number[] {
    const unfinished = this.#leases.workers.filter((worker) => !this.#members.hasFinished(worker));
    const lost = unfinished.filter((worker) => this.#isLost(worker, now));
    return this.#canSpare(lost) ? unfinished.filter((worker) => !lost.includes(worker)) : unfinished;
  }

  /** Whether steps can be made without these workers. */
  #canSpare(workers: readonly number[]): boolean {
    return workers.length <= this.#policy.backupWorkers && !workers.includes(0);
  }

  /**
   * In an elastic run, deals the lanes anew when a worker that has some is lost, or when one without any waits for some
   * and nobody has pushed yet.
   */
  #lendLanes(now: number): void {
    const steps = this.#common;
    if (!steps || !this.isElastic || !this.#leads) return;
    const holders = this.#leases.workers;
    const lost = holders.filter((worker) => this.#isLost(worker, now) && !steps.hasPushed(worker));
    const late = this.#out.waitingFor('join').map(({ caller }) => caller.worker);
    if (lost.length === 0 && (late.length === 0 || !steps.isFresh)) return;
    const workers = this.#everyone.filter((worker) => {
      return late.includes(worker) || (holders.includes(worker) && !lost.includes(worker));
    });
    if (workers.length < this.#policy.minWorkers || !workers.includes(0)) return;
    this.#leases.deal(workers);
    steps.renew(steps.lease + 1);
    this.#notify([
      `${workers.length} of ${this.#place.workers} workers share the lanes ${this.#where}: ${workers.join(', ')}`,
    ]);
    this.#answerJoins();
  }

  /** With backup workers, makes the step of others if one is lost that it was to be made of: other shards may lack its push. */
  #doWithoutLost(now: number): void {
    const steps = this.#common;
    if (!steps || !this.#leads) return;
    if (steps.counted.some((worker) => this.#isLost(worker, now))) steps.renew(steps.lease + 1);
  }

  /** Reports the workers that the others wait for, and refuses those that wait in vain. */
  #lookForAbsent(now: number): void {
    const { requests: waiting, workers: awaited } = this.#whoWaitsForWhom(now);
    if (waiting.length === 0) return;
    const absent = awaited.filter((worker) => !this.#out.isWaiting(worker));
    const lost = absent.filter((worker) => this.#attendance.isLost(worker, now));
    if (this.#canSpare(lost)) this.#notify(this.#attendance.newlySilent(absent, this.#where, now));
    else this.#out.refuseAll(waiting, this.#attendance.loss(lost[0]!, this.#where));
  }

  #whoWaitsForWhom(now: number): Wait {
    if (!this.#steps) return { requests: this.#out.waitingFor('join'), workers: [0] };
    const finishing = this.#out.waitingFor('finish');
    if (finishing.length > 0) return { requests: finishing, workers: this.#unfinished(now) };
    // Where workers can be spared the first shard decides; the others wait for that.
    if ((this.isElastic || this.#policy.backupWorkers > 0) && !this.#leads) return { requests: [], workers: [] };
    return this.#steps.wait(this.#leases.workers);
  }

  #isLost(worker: number, now: number): boolean {
    return !this.#out.isWaiting(worker) && this.#attendance.isLost(worker, now);
  }

  /** The first shard deals the lanes and holds their states. */
  get #leads(): boolean {
    return this.#place.shard === 0;
  }

  get #counting(): Counting {
    const { backupWorkers } = this.#policy;
    if (backupWorkers === 0) return { type: 'all' };
    return this.#leads ? { type: 'first', workers: this.#place.workers - backupWorkers } : { type: 'told' };
  }

  get #lease(): number {
    return this.#steps?.lease ?? 0;
  }

  get #everyone(): number[] {
    return Array.from({ length: this.#place.workers }, (_, worker) => worker);
  }

  get #where(): string {
    return this.#steps ? `at step ${this.#steps.step}` : 'before it initialised the parameters';
  }

  #notify(lines: readonly string[]): void {
    for (const line of lines) this.#out.add({ type: 'notice', line });
  }

  /** From now on every request is refused; those that wait for an update in progress are still answered. */
  #fail(failure: Refusal): void {
    this.#failure = failure;
    const isServed = ({ type }: Request) => this.#steps?.isUpdating && type === 'pull' && failure.code !== 'internal';
    this.#out.refuseAll(
      this.#out.waiting.filter((request) => !isServed(request)),
      failure,
    );
  }
}

/** Of a worker that joins before there are values. */
const nowhere: Standing = { step: 0, appliedSumOfSquares: undefined, pendingSumOfSquares: undefined };

function notItsLanes({ caller: { worker }, lanes }: RequestOf<'push'>, own: LaneRange | undefined): Refusal {
  const theirs = own ? `has ${own.from} to ${own.to}` : 'has none';
  return new Refusal(
    'failed-precondition',
    `worker ${worker} pushes the lanes ${lanes.from} to ${lanes.to}, but ${theirs}; use a client of this version`,
  );
}
