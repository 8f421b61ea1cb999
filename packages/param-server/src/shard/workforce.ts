/**
 * The workers of a run, as a shard sees them: who takes part, who computes which lanes, who is awaited and who is lost.
 * The steps handle the computation; methods that need them take them as an argument.
 */
import type { ShardPlace, ShardPolicy } from './agreement.js';
import { Attendance } from './attendance.js';
import { LaneLeases } from './lane-leases.js';
import { Membership } from './membership.js';
import type { LaneRange, Severity } from './messages.js';
import type { Outbox } from './outbox.js';
import type { Counting } from './round.js';
import { type Steps, type Wait, whereIn } from './steps.js';
import type { SynchronousSteps } from './synchronous-steps.js';

export class Workforce {
  readonly members: Membership;
  readonly #place: ShardPlace;
  readonly #policy: ShardPolicy;
  readonly #attendance: Attendance;
  readonly #out: Outbox;
  #leases = new LaneLeases(0);
  /** The worker that initializes the servers and writes the checkpoints. The first shard appoints it. */
  #chief = 0;

  constructor(place: ShardPlace, policy: ShardPolicy, out: Outbox) {
    this.#place = place;
    this.#policy = policy;
    this.#out = out;
    this.members = new Membership(place.workers, place.shard === 0);
    this.#attendance = new Attendance(this.members, policy);
  }

  /** Whether the run goes on when workers leave. */
  get isElastic(): boolean {
    return this.#policy.minWorkers < this.#place.workers;
  }

  /** Whether this is the first shard, which deals the lanes and holds their states. */
  get leads(): boolean {
    return this.#place.shard === 0;
  }

  get counting(): Counting {
    const { backupWorkers } = this.#policy;
    if (backupWorkers === 0) return { type: 'all' };
    return this.leads ? { type: 'first', workers: this.#place.workers - backupWorkers } : { type: 'told' };
  }

  /** Sets the number of lanes in the batch; no worker has any yet. */
  adopt(lanes: number): void {
    this.#leases = new LaneLeases(lanes);
  }

  lanesOf(worker: number): LaneRange | undefined {
    return this.#leases.of(worker);
  }

  /** Returns whether the worker is the chief, as far as this shard knows. */
  isChief(worker: number): boolean {
    return this.leads && worker === this.#chief;
  }

  /**
   * In an elastic run, appoints another chief when the chief is lost: the first worker with lanes or, before there are
   * values, the first that waits for them. Returns whether it did. The lost chief's lanes have been dealt anew before
   * this, so every worker has to rejoin and hears of the new chief.
   */
  appointChief(steps: Steps | undefined, now: number): boolean {
    if (!this.isElastic || !this.leads || this.members.isComplete || !this.#isLost(this.#chief, now)) return false;
    if (steps && this.#leases.of(this.#chief)) return false;
    const present = this.#everyone.filter((worker) => !this.#isLost(worker, now));
    const able = present.filter((worker) => (steps ? this.#leases.of(worker) : this.#out.isJoining(worker)));
    if (able.length === 0 || present.length < this.#policy.minWorkers) return false;
    this.#notify('warning', [
      `worker ${able[0]} takes over the checkpoints from worker ${this.#chief} ${whereIn(steps)}`,
    ]);
    this.#chief = able[0]!;
    this.members.forgetFinished();
    return true;
  }

  /** Returns whether there is something for the worker to do. */
  hasPart(worker: number): boolean {
    return !this.leads || this.#leases.of(worker) !== undefined;
  }

  /** Reports that a joining worker is back, if its silence was reported. */
  welcome(worker: number, steps: Steps | undefined): void {
    this.#notify('info', this.#attendance.returned(worker, whereIn(steps)));
  }

  /** Deals the lanes as a generation begins. */
  deal(now: number): void {
    const present = this.#everyone.filter((worker) => !this.#isLost(worker, now));
    this.#leases.deal(this.isElastic && present.length >= this.#policy.minWorkers ? present : this.#everyone);
  }

  /**
   * In an elastic run, deals the lanes anew when a worker with lanes is lost, or when a worker without lanes waits for
   * some and nobody has pushed yet. Returns whether it did.
   */
  lend(steps: SynchronousSteps, now: number): boolean {
    if (!this.isElastic || !this.leads || this.members.isComplete) return false;
    const holders = this.#leases.workers;
    // A worker that has pushed here may not have pushed to the other shards.
    const lost = holders.filter((worker) => this.#isLost(worker, now));
    const late = this.#out.waitingFor('join').map(({ caller }) => caller.worker);
    if (lost.length === 0 && (late.length === 0 || !steps.isFresh)) return false;
    const workers = this.#everyone.filter((worker) => {
      return late.includes(worker) || (holders.includes(worker) && !lost.includes(worker));
    });
    if (workers.length < this.#policy.minWorkers) return false;
    this.#leases.deal(workers);
    steps.renew(steps.lease + 1);
    this.#notify(workers.length < this.#place.workers ? 'warning' : 'info', [
      `${workers.length} of ${this.#place.workers} workers share the lanes ${whereIn(steps)}: ${workers.join(', ')}`,
    ]);
    return true;
  }

  /** With backup workers, restarts the step when a counted worker is lost: the other shards may lack its push. */
  doWithoutLost(steps: SynchronousSteps, now: number): void {
    if (this.leads && steps.counted.some((worker) => this.#isLost(worker, now))) steps.renew(steps.lease + 1);
  }

  /**
   * Returns how the run ended for this shard, if it has: all known workers have said goodbye or are lost. After an
   * early goodbye the run is not over while more workers may come. That is so while fewer than `minWorkers` have come,
   * or while worker 0, which is in every run, has yet to come.
   */
  end(now: number): RunEnd | undefined {
    const { known } = this.members;
    const isAway = (worker: number) => this.#isLost(worker, now);
    if (!known.some((worker) => this.members.hasLeft(worker)) || !known.every(isAway)) return undefined;
    const { isComplete } = this.members;
    const needed = this.#policy.minWorkers - this.#policy.backupWorkers;
    const isAgreed = known.filter((worker) => this.members.hasLeftInTheEnd(worker)).length >= needed;
    if (isComplete) return { isComplete, isAgreed };
    const haveCome = known.length >= this.#policy.minWorkers && (known.includes(0) || isAway(0));
    return haveCome ? { isComplete, isAgreed } : undefined;
  }

  /** Returns whether none of the awaited workers has more to do. */
  hasFinished(now: number): boolean {
    return this.#unfinished(now).length === 0;
  }

  /** Returns the workers that the run waits for, in words; undefined while nobody waits. */
  awaited(steps: Steps | undefined, now: number): string | undefined {
    const { known } = this.members;
    if (known.length === 0) return `the first of ${this.#place.workers} workers`;
    const isAway = (worker: number) => this.members.silence(worker, now) > this.#policy.leaseSeconds;
    if (known.every((worker) => isAway(worker) && !this.#out.isJoining(worker))) return `${named(known)} to come back`;
    const { requests, workers } = this.#whoWaitsForWhom(steps, now);
    const absent = workers.filter((worker) => !this.#out.isJoining(worker));
    return requests.length === 0 || absent.length === 0 ? undefined : named(absent);
  }

  /** Reports absent workers that the others wait for, and refuses requests that wait in vain. */
  lookForAbsent(steps: Steps | undefined, now: number): void {
    const { requests: waiting, workers: awaited } = this.#whoWaitsForWhom(steps, now);
    if (waiting.length === 0) return;
    const absent = awaited.filter((worker) => !this.#out.isJoining(worker));
    const lost = absent.filter((worker) => this.#attendance.isLost(worker, now));
    const where = whereIn(steps);
    if (this.#canSpare(lost)) this.#notify('warning', this.#attendance.newlySilent(absent, where, now));
    else this.#out.refuseAll(waiting, this.#attendance.loss(lost[0]!, where));
  }

  #whoWaitsForWhom(steps: Steps | undefined, now: number): Wait {
    if (this.isElastic && !this.leads) return { requests: [], workers: [] };
    if (!steps) return { requests: this.#out.waitingFor('join'), workers: [this.#chief] };
    const finishing = this.#out.waitingFor('finish');
    if (finishing.length > 0) return { requests: finishing, workers: this.#unfinished(now) };
    // Where workers can be spared, the first shard decides; the other shards wait for its decision.
    if (this.#policy.backupWorkers > 0 && !this.leads) return { requests: [], workers: [] };
    return steps.wait(this.#leases.workers);
  }

  /** The awaited workers with lanes that have not yet said that they are finished. */
  #unfinished(now: number): readonly number[] {
    const unfinished = this.#leases.workers.filter((worker) => !this.members.hasFinished(worker));
    const lost = unfinished.filter((worker) => this.#isLost(worker, now));
    return this.#canSpare(lost) ? unfinished.filter((worker) => !lost.includes(worker)) : unfinished;
  }

  /** Returns whether steps can be made without these workers. */
  #canSpare(workers: readonly number[]): boolean {
    return workers.length <= this.#policy.backupWorkers && !workers.includes(0);
  }

  #isLost(worker: number, now: number): boolean {
    return this.#attendance.isLost(worker, now) && !this.#out.isJoining(worker);
  }

  get #everyone(): number[] {
    return Array.from({ length: this.#place.workers }, (_, worker) => worker);
  }

  #notify(severity: Severity, lines: readonly string[]): void {
    for (const line of lines) this.#out.add({ type: 'notice', severity, line });
  }
}

/** How the run ended for a shard. */
export interface RunEnd {
  readonly isComplete: boolean;
  /** Whether as many workers as the run needs have said that they had nothing left to do. */
  readonly isAgreed: boolean;
}

/** Formats as `worker 1, worker 2`. */
function named(workers: readonly number[]): string {
  return workers.map((worker) => `worker ${worker}`).join(', ');
}
