/**
 * The deterministic heart of a shard: messages in, effects out. It has no clock (`now` is passed in), no disk and no
 * socket, and it never waits. This file routes messages; `training-run.ts` handles what happens in the run, and
 * `workforce.ts` who takes part.
 */
import type { ShardPlace, ShardPolicy } from './agreement.js';
import type { Request, ShardEffect, ShardMessage } from './messages.js';
import { Outbox } from './outbox.js';
import { Refusal } from './refusal.js';
import { diverged, whereIn } from './steps.js';
import { TrainingRun } from './training-run.js';
import { type RunEnd, Workforce } from './workforce.js';

/** The event that a run waits for, worded to follow "waiting for", and how far the run has come. */
export interface Awaited {
  readonly what: string;
  readonly where: string;
}

export class Shard {
  readonly #out = new Outbox();
  readonly #workforce: Workforce;
  readonly #run: TrainingRun;
  #failure: Refusal | undefined;
  #hasEnded = false;

  constructor(place: ShardPlace, policy: ShardPolicy) {
    this.#workforce = new Workforce(place, policy, this.#out);
    this.#run = new TrainingRun(place, policy, this.#workforce, this.#out);
  }

  /** Whether the run goes on when workers leave. */
  get isElastic(): boolean {
    return this.#workforce.isElastic;
  }

  /**
   * Returns what the run currently waits for: a worker or storage. Undefined while it makes progress or somebody
   * computes.
   */
  awaited(now: number): Awaited | undefined {
    const { steps } = this.#run;
    const what = this.#run.waitsForSnapshot ? 'the snapshot before to be written' : this.#workforce.awaited(steps, now);
    return what === undefined ? undefined : { what, where: steps ? whereIn(steps) : '' };
  }

  /** Returns whether a worker at this step of this generation may go on reading the vectors. */
  isReadableAt(generation: number, step: number): boolean {
    const { steps } = this.#run;
    if (this.#failure && this.#failure.code !== 'unavailable') return false;
    return steps !== undefined && steps.generation === generation && steps.isReadableAt(step);
  }

  /** Handles `message` at time `now`, in seconds from any origin. Returns the effects, to be carried out in order. */
  receive(message: ShardMessage, now: number): ShardEffect[] {
    if ('caller' in message) this.#receiveRequest(message, now);
    else this.#receiveEvent(message, now);
    this.#lookAround(now);
    return this.#out.takeEffects();
  }

  #receiveRequest(request: Request, now: number): void {
    try {
      // A run that has failed ends: its workers may say goodbye.
      if (this.#failure && !(request.type === 'leave' && this.#failure.code !== 'unavailable')) throw this.#failure;
      if (this.#isLastGoodbye(request)) {
        this.#endWith(request);
        return;
      }
      if (request.type !== 'join') this.#workforce.members.hear(request.caller, now);
      if (request.type !== 'join' && request.type !== 'leave') this.#workforce.members.requireInside(request.caller);
      switch (request.type) {
        case 'join':
          this.#run.join(request, now);
          break;
        case 'initialize':
          this.#run.initialize(request, now);
          break;
        case 'restore':
          this.#run.restore(request);
          break;
        case 'push':
          this.#run.push(request, now);
          break;
        case 'commit':
          this.#run.commit(request);
          break;
        case 'pull':
          this.#run.pull(request, now);
          break;
        case 'heartbeat':
          this.#run.beat(request);
          break;
        case 'finish':
          this.#run.finish(request);
          break;
        case 'leave':
          this.#run.leave(request);
          break;
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#out.refuse(request, error);
    }
  }

  #receiveEvent(message: Exclude<ShardMessage, Request>, now: number): void {
    const { steps } = this.#run;
    switch (message.type) {
      case 'cancel':
        this.#out.forget(message.request);
        break;
      case 'measured':
        this.#measured(message.sumOfSquares);
        break;
      case 'updated':
        if (message.generation === steps?.generation) steps.updated(now);
        break;
      case 'update-failed':
        if (message.generation === steps?.generation)
          this.#fail(new Refusal('internal', `the optimizer failed on the server: ${message.reason}`));
        break;
      case 'diverged':
        if (message.generation === steps?.generation) this.#diverge(diverged(`${steps.updating}: ${message.what}`));
        break;
      case 'snapshot-read':
        this.#run.snapshotRead(message, now);
        break;
      case 'snapshot-unreadable':
        this.#run.snapshotUnreadable(message.generation, message.reason);
        break;
      case 'snapshot-written':
        this.#run.snapshotWritten(now);
        break;
      case 'drain':
        this.#fail(new Refusal('unavailable', 'the parameter server is shutting down'));
        break;
      case 'tick':
        break;
    }
  }

  #measured(sumOfSquares: number): void {
    const { commonSteps } = this.#run;
    if (!commonSteps) return;
    if (Number.isFinite(sumOfSquares)) commonSteps.measured(sumOfSquares);
    else this.#diverge(diverged(commonSteps.overflow));
  }

  /** Ends the run: what is not finite is neither served nor saved. */
  #diverge(refusal: Refusal): void {
    this.#out.add({ type: 'notice', severity: 'error', line: refusal.message });
    this.#fail(refusal);
  }

  /**
   * Checks what any message, or the passing of time, may have changed: who has which lanes, who is done, who is absent.
   */
  #lookAround(now: number): void {
    const { steps, commonSteps } = this.#run;
    const areDealtAnew = commonSteps !== undefined && this.#workforce.lend(commonSteps, now);
    if (this.#workforce.appointChief(steps, now)) this.#run.changeChief(now);
    else if (areDealtAnew) this.#run.answerJoins(now);
    if (commonSteps) this.#workforce.doWithoutLost(commonSteps, now);
    const areSomeDone = this.#out.waitingFor('finish').length > 0;
    if (steps && areSomeDone && this.#workforce.hasFinished(now)) this.#out.answerAll('finish', { type: 'done' });
    this.#workforce.lookForAbsent(steps, now);
    this.#lookForEnd(now);
  }

  /**
   * Returns whether this is the last goodbye to a server that was restarted after the last step: nobody will join it.
   */
  #isLastGoodbye(request: Request): boolean {
    return request.type === 'leave' && request.isFinished && this.#workforce.members.known.length === 0;
  }

  #endWith(goodbye: Request): void {
    this.#out.answer(goodbye, { type: 'done' });
    this.#end({ isComplete: true, isAgreed: false });
  }

  #lookForEnd(now: number): void {
    const end = this.#workforce.end(now);
    if (end) this.#end(end);
  }

  #end(end: RunEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#out.add({ type: 'finish', ...end });
  }

  /**
   * Refuses every request from now on. When the server stops, pulls that wait for an update in progress are still
   * answered.
   */
  #fail(failure: Refusal): void {
    this.#failure = failure;
    const { steps } = this.#run;
    const isServed = ({ type }: Request) => steps?.isUpdating && type === 'pull' && failure.code === 'unavailable';
    this.#out.refuseAll(
      this.#out.waiting.filter((request) => !isServed(request)),
      failure,
    );
  }
}
