/**
 * The run that a shard serves, as its workers see it. Workers join it; the chief supplies the values, which begins a
 * generation; then all workers push, pull and finally leave. The steps are in `synchronous-steps.ts`, where workers
 * make each together, and `own-pace-steps.ts`, where each goes by itself.
 */
import {
  requireRoom,
  requireSameModel,
  requireSamePlace,
  requireSuited,
  type ShardPlace,
  type ShardPolicy,
} from './agreement.js';
import { hasLeft } from './membership.js';
import type { Answer, LaneRange, Request, RequestOf, RunDescription, ShardMessage } from './messages.js';
import type { Outbox } from './outbox.js';
import { OwnPaceSteps } from './own-pace-steps.js';
import { Refusal } from './refusal.js';
import { SnapshotSchedule } from './snapshot-schedule.js';
import { incomplete, type Standing, type Steps, whereIn } from './steps.js';
import { leasedAnew, SynchronousSteps } from './synchronous-steps.js';
import type { Workforce } from './workforce.js';

/**
 * How many generations a shard may be behind the others. Generations end at 2^53, and one message that claims the last
 * would end the run for good. A worker that knows of more says so as it joins, again and again if need be.
 */
const mostAhead = 2 ** 20;

export class TrainingRun {
  readonly #place: ShardPlace;
  readonly #policy: ShardPolicy;
  readonly #workforce: Workforce;
  readonly #out: Outbox;
  readonly #snapshots: SnapshotSchedule;
  #run: RunDescription | undefined;
  #generation = 0;
  /** The greatest generation that this server believes the other shards may be in. */
  #credible = 0;
  /** The request that began this generation. */
  #beginning: Beginning | undefined;
  #steps: Steps | undefined;
  /** Whether the chief has ended the training before its last step. */
  #hasEnded = false;

  constructor(place: ShardPlace, policy: ShardPolicy, workforce: Workforce, out: Outbox) {
    this.#place = place;
    this.#policy = policy;
    this.#workforce = workforce;
    this.#out = out;
    this.#snapshots = new SnapshotSchedule(policy.snapshotEvery, out);
  }

  /** Undefined until the chief has supplied the values, and while they are being read from a snapshot. */
  get steps(): Steps | undefined {
    return this.#steps;
  }

  /** The steps, if all workers make them together. */
  get commonSteps(): SynchronousSteps | undefined {
    return this.#steps instanceof SynchronousSteps ? this.#steps : undefined;
  }

  join(request: RequestOf<'join'>, now: number): void {
    const { caller, run, holdsBack, claim } = request;
    requireSamePlace(caller.worker, run, this.#place);
    if (this.#run) requireSameModel(caller.worker, run, this.#run);
    else {
      requireSuited(run, this.#policy);
      requireRoom(caller.worker, run, this.#policy);
    }
    const entrance = this.#workforce.members.enter(caller, claim, now);
    if (entrance.type === 'superseded') {
      this.#out.answer(request, entrance);
      return;
    }
    const { replaced } = entrance;
    if (replaced) this.#refuseOlder(request, replaced);
    if (replaced && holdsBack) this.#forget(caller.worker);
    this.#workforce.welcome(caller.worker, this.#steps);
    this.#credible = Math.max(this.#credible, Math.min(caller.generation, this.#credible + mostAhead));
    if (!this.#run) {
      this.#run = run;
      this.#workforce.adopt(run.model.lanes.count);
      this.#out.add({ type: 'adopt', run });
    }
    this.#replaceJoins(caller.worker);
    // Hold the run's description rather than the caller's equal one: a description may take megabytes.
    this.#out.hold({ ...request, run: this.#run });
    this.answerJoins(now);
  }

  /** Only a worker's newest join waits: joins that pile up would fill the memory. */
  #replaceJoins(worker: number): void {
    const older = this.#out.waitingFor('join').filter(({ caller }) => caller.worker === worker);
    this.#out.refuseAll(
      older,
      new Refusal('aborted', `worker ${worker} has sent another Join, which takes the place of this one`),
    );
  }

  #refuseOlder({ caller: { worker, incarnation } }: Request, refusal: Refusal): void {
    const older = this.#out.waiting.filter(
      ({ caller }) => caller.worker === worker && caller.incarnation !== incarnation,
    );
    this.#out.refuseAll(older, refusal);
  }

  /** Lets the chief in at once, to supply the values, and the other workers as soon as they have something to do. */
  answerJoins(now: number): void {
    for (const request of this.#out.waitingFor('join')) {
      const { caller, claim } = request;
      const isChief = this.#workforce.leads ? this.#workforce.isChief(caller.worker) : claim?.isChief;
      const isAdmitted = this.#steps ? this.#workforce.hasPart(caller.worker) : isChief;
      if (!isAdmitted) continue;
      // The worker may have waited here for longer than a worker may be silent.
      this.#workforce.members.welcome(caller.worker, now);
      this.#out.answer(request, this.#joined(caller.worker));
    }
  }

  /**
   * The chief has changed: workers that wait for all to have finished must rejoin, to learn whether they are the chief.
   */
  changeChief(now: number): void {
    const text = 'another worker writes the checkpoints now; join again';
    this.#out.refuseAll(this.#out.waitingFor('finish'), new Refusal('aborted', text));
    this.answerJoins(now);
  }

  #joined(worker: number): Answer {
    return {
      type: 'joined',
      ordinal: this.#workforce.members.ordinalOf(worker),
      isChief: this.#workforce.isChief(worker),
      ended: this.#hasEnded,
      initialized: this.#steps !== undefined,
      begunBy: this.#beginning?.begunBy,
      generation: this.#generation,
      lease: this.#lease,
      lanes: this.#workforce.lanesOf(worker),
      ...(this.#steps?.standing(worker) ?? nowhere),
    };
  }

  initialize(request: RequestOf<'initialize'>, now: number): void {
    const { step, values } = request;
    if (!this.#hasBegun(request)) {
      if (!values) throw incomplete('the initial values have');
      this.#beginWith(request);
      this.#out.add({ type: 'install', values });
      this.#out.add({ type: 'set-aside', after: undefined });
      // Only the first generation begins a run.
      if (request.generation > 1) this.#out.add({ type: 'notice', severity: 'warning', line: startedAgain(step) });
      this.#open(step, now);
    }
    this.#out.answer(request, { type: 'done' });
  }

  restore(request: RequestOf<'restore'>): void {
    if (!this.#hasBegun(request)) {
      const { generation, step } = request;
      this.#beginWith(request);
      this.#out.add({ type: 'read-snapshot', generation, step });
    }
    if (this.#steps) this.#out.answer(request, { type: 'done' });
    else this.#out.hold(request);
  }

  /** Installs a snapshot that was read, unless the chief has begun another generation meanwhile. */
  snapshotRead({ generation, step, values }: MessageOf<'snapshot-read'>, now: number): void {
    if (generation !== this.#generation || this.#steps) return;
    this.#out.add({ type: 'install', values });
    this.#out.add({ type: 'set-aside', after: step });
    this.#out.add({ type: 'notice', severity: 'info', line: `back at step ${step}, from its snapshot` });
    this.#open(step, now);
    this.#out.answerAll('restore', { type: 'done' });
  }

  snapshotUnreadable(generation: number, reason: string): void {
    this.#out.add({ type: 'notice', severity: 'error', line: reason });
    if (generation !== this.#generation) return;
    this.#out.refuseAll(this.#out.waitingFor('restore'), new Refusal('aborted', reason));
  }

  /** Returns whether this generation has already begun, so that a repeated request changes nothing. */
  #hasBegun({ type, caller, generation, step }: RequestOf<'initialize' | 'restore'>): boolean {
    // The other shards trust the first shard's choice of chief. If two chiefs begin a generation, `begunBy` tells them
    // apart.
    if (this.#workforce.leads && !this.#workforce.isChief(caller.worker)) {
      throw new Refusal(
        'aborted',
        `worker ${caller.worker} may not initialise the shard: it is not the chief; join again`,
      );
    }
    if (generation < this.#generation) {
      throw new Refusal('aborted', `generation ${generation} is over, the shard is in ${this.#generation}`);
    }
    if (generation > this.#credible + mostAhead) {
      throw new Refusal(
        'aborted',
        `generation ${generation} is far beyond ${this.#generation}, the shard's; join again`,
      );
    }
    if (generation > this.#generation) return false;
    const isSame = this.#beginning?.begunBy === caller.incarnation && this.#beginning.step === step;
    if (!isSame || this.#beginning?.type !== type) {
      throw new Refusal('aborted', `generation ${generation} did not begin at step ${step} with ${type}; join again`);
    }
    return true;
  }

  #beginWith({ generation, type, step, caller }: RequestOf<'initialize' | 'restore'>): void {
    this.#begin(generation);
    this.#beginning = { type, step, begunBy: caller.incarnation };
  }

  /**
   * A worker's process ended and took held-back gradients with it. Only a snapshot is whole: no gradient is held back
   * across it.
   */
  #forget(worker: number): void {
    if (!this.#steps) return;
    const line = `worker ${worker} was started again ${whereIn(this.#steps)}: back to where nothing was held back`;
    this.#out.add({ type: 'notice', severity: 'warning', line });
    this.#begin(this.#generation);
  }

  /** Gives up what was computed in the last generation. */
  #begin(generation: number): void {
    this.#generation = generation;
    this.#credible = Math.max(this.#credible, generation);
    this.#steps = undefined;
    this.#hasEnded = false;
    this.#snapshots.forgetWaiting();
    this.#workforce.members.forgetFinished();
    const outdated = this.#out.waiting.filter(({ type }) => type !== 'join');
    this.#out.refuseAll(outdated, new Refusal('aborted', 'the servers went back to an earlier step; join again'));
  }

  /** Opens training from `step`, now that the shard has its values. */
  #open(step: number, now: number): void {
    this.#steps = this.#stepsFrom(step);
    this.#workforce.deal(now);
    this.answerJoins(now);
  }

  #stepsFrom(step: number): Steps {
    const { lanes, staleness } = this.#run!.model;
    const { leads, counting } = this.#workforce;
    const common = { generation: this.#generation, step, snapshots: this.#snapshots, out: this.#out };
    if (staleness === undefined) {
      const { isElastic } = this.#workforce;
      const learnsLeases = !leads && (isElastic || this.#policy.backupWorkers > 0);
      const isOnlyShard = this.#place.shards === 1;
      return new SynchronousSteps({ ...common, lanes: lanes.count, counting, isOnlyShard, learnsLeases });
    }
    return new OwnPaceSteps({ ...common, workers: this.#place.workers, staleness, leads });
  }

  push(request: RequestOf<'push'>, now: number): void {
    const steps = this.#stepsFor(request);
    if (this.#hasEnded) throw hasEnded();
    const { caller, lanes } = request;
    const { leads, isElastic } = this.#workforce;
    const own = this.#workforce.lanesOf(caller.worker);
    // In an elastic run, only the first shard knows who has which lanes.
    const isKnown = caller.lease === steps.lease && (leads || !isElastic);
    if (isKnown && (own?.from !== lanes.from || own.to !== lanes.to)) throw notItsLanes(request, own);
    steps.push(request, now);
  }

  commit(request: RequestOf<'commit'>): void {
    this.#stepsFor(request);
    if (this.commonSteps) this.commonSteps.commit(request);
    else throw new Refusal('failed-precondition', 'workers go at their own pace here: no step is common to commit');
  }

  pull(request: RequestOf<'pull'>, now: number): void {
    this.#stepsFor(request).pull(request, now);
  }

  /** Returns the steps that the caller takes part in. @throws Refusal if it joined an earlier generation */
  #stepsFor({ caller }: Request): Steps {
    if (this.#steps && caller.generation === this.#generation) return this.#steps;
    throw new Refusal('aborted', `worker ${caller.worker} knows nothing of generation ${this.#generation}; join again`);
  }

  beat(request: RequestOf<'heartbeat'>): void {
    this.#out.answer(request, { type: 'beat', generation: this.#generation, lease: this.#lease });
  }

  finish(request: RequestOf<'finish'>): void {
    const steps = this.#stepsFor(request);
    // The worker may have become the chief without knowing it yet.
    if (request.caller.lease < steps.lease) throw leasedAnew();
    this.#workforce.members.finish(request.caller.worker);
    this.#out.hold(request);
    if (request.endsRun && this.#workforce.isChief(request.caller.worker)) this.#endEarly();
  }

  /** Makes the other workers join again, to hear that the training has ended. */
  #endEarly(): void {
    this.#hasEnded = true;
    const going = this.#out.waiting.filter(({ type }) => type === 'push' || type === 'commit' || type === 'pull');
    this.#out.refuseAll(going, hasEnded());
  }

  leave(request: RequestOf<'leave'>): void {
    const { caller, isFinished } = request;
    const { members } = this.#workforce;
    if (isFinished) members.finish(caller.worker);
    members.leave(caller.worker, isFinished);
    this.#out.answer(request, { type: 'done' });
    const given = this.#out.waiting.filter(({ caller: { worker } }) => worker === caller.worker);
    this.#out.refuseAll(given, hasLeft(caller.worker));
  }

  /** Called when the previous snapshot is on disk. */
  snapshotWritten(now: number): void {
    if (this.#steps) this.#steps.snapshotWritten(now);
    else this.#snapshots.written(0);
  }

  /** Whether the next step waits for the disk. */
  get waitsForSnapshot(): boolean {
    return this.#snapshots.isWaiting;
  }

  get #lease(): number {
    return this.#steps?.lease ?? 0;
  }
}

interface Beginning extends Pick<RequestOf<'initialize' | 'restore'>, 'type' | 'step'> {
  /** The chief's incarnation. */
  readonly begunBy: number;
}

type MessageOf<Type extends ShardMessage['type']> = Extract<ShardMessage, { type: Type }>;

function hasEnded(): Refusal {
  return new Refusal('aborted', 'the chief has ended the training; join again');
}

/** The standing of a worker that joins before there are values. */
const nowhere: Standing = { step: 0, appliedSumOfSquares: undefined, pendingSumOfSquares: undefined };

function startedAgain(step: number): string {
  return `back at step ${step}, where the run started: the servers have no snapshot that all of them hold; give each a folder for snapshots that survives it`;
}

function notItsLanes({ caller: { worker }, lanes }: RequestOf<'push'>, own: LaneRange | undefined): Refusal {
  const theirs = own ? `has ${own.from} to ${own.to}` : 'has none';
  return new Refusal(
    'failed-precondition',
    `worker ${worker} pushes the lanes ${lanes.from} to ${lanes.to}, but ${theirs}; use a client of this version`,
  );
}
