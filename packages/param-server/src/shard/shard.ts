/**
 * The deterministic heart of a shard in synchronous mode: messages in, effects out. It has no clock (`now` is told to
 * it), disk or socket, and it never waits. A shard that has applied k updates is "at step k"; a round gathers the
 * gradients of all workers for that step; the first pull of step k+1 brings the global norm and makes the shard update.
 */
import { requireSameModel, requireSamePlace, type ShardPlace } from './agreement.js';
import { Membership } from './membership.js';
import type { Answer, Caller, Request, RunDescription, ShardEffect, ShardMessage } from './messages.js';
import { Refusal } from './refusal.js';
import { Round } from './round.js';

type RequestOf<Type extends Request['type']> = Extract<Request, { type: Type }>;

/** The round before the current one, remembered to answer repeated requests. */
interface AppliedRound {
  readonly sumOfSquares: number;
  /** Over all shards, and the worker that said so. */
  readonly global: { readonly sumOfSquares: number; readonly worker: number };
}

export class Shard {
  readonly #place: ShardPlace;
  readonly #members: Membership;
  #run: RunDescription | undefined;
  /** Undefined until worker 0 has supplied the values. */
  #round: Round | undefined;
  #applied: AppliedRound | undefined;
  #isUpdating = false;
  #failure: Refusal | undefined;
  readonly #waiting = new Map<number, Request>();
  #effects: ShardEffect[] = [];

  /** `lease` is the silence in seconds after which a worker counts as lost. */
  constructor(place: ShardPlace, lease: number) {
    this.#place = place;
    this.#members = new Membership(place.workers, lease);
  }

  /** Whether the vectors stand still at this step, so that they can be read. */
  isReadableAt(step: number): boolean {
    return this.#round?.step === step && !this.#isUpdating;
  }

  /** What follows from hearing `message` at time `now`, in seconds from any origin. Effects are to be done in order. */
  receive(message: ShardMessage, now: number): ShardEffect[] {
    this.#effects = [];
    if ('caller' in message) this.#receiveRequest(message, now);
    else this.#receiveEvent(message);
    this.#refuseHopeless(now);
    return this.#effects;
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
          this.#initialize(request);
          break;
        case 'push':
          this.#push(request);
          break;
        case 'pull':
          this.#pull(request);
          break;
        case 'heartbeat':
          this.#answer(request.request, { type: 'done' });
          break;
        case 'leave':
          this.#leave(request);
          break;
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#refuse(request.request, error);
    }
  }

  #receiveEvent(message: Exclude<ShardMessage, Request>): void {
    switch (message.type) {
      case 'cancel':
        this.#waiting.delete(message.request);
        return;
      case 'averaged':
        this.#round!.sumOfSquares = message.sumOfSquares;
        this.#answerWaiting('push', { type: 'pushed', sumOfSquares: message.sumOfSquares });
        return;
      case 'updated':
        this.#isUpdating = false;
        this.#answerWaiting('pull', { type: 'parameters', step: this.#round!.step });
        return;
      case 'update-failed':
        this.#fail(new Refusal('internal', `the optimizer failed on the server: ${message.reason}`));
        return;
      case 'drain':
        this.#fail(
          new Refusal('unavailable', 'the parameter server is shutting down; resume from the last checkpoint'),
        );
        return;
      case 'tick':
        return;
    }
  }

  #join(request: RequestOf<'join'>, now: number): void {
    const { caller, run } = request;
    requireSamePlace(caller.worker, run, this.#place);
    if (this.#run) requireSameModel(caller.worker, run, this.#run);
    const replaced = this.#members.enter(caller, now);
    if (replaced) this.#refuseOlder(caller, replaced);
    if (!this.#run) {
      this.#run = run;
      this.#effects.push({ type: 'adopt', run });
    }
    if (this.#round || caller.worker === 0) this.#answer(request.request, this.#joined());
    else this.#waiting.set(request.request, request);
  }

  #refuseOlder({ worker, incarnation }: Caller, refusal: Refusal): void {
    for (const { request, caller } of [...this.#waiting.values()]) {
      if (caller.worker === worker && caller.incarnation < incarnation) this.#refuse(request, refusal);
    }
  }

  #joined(): Answer {
    return {
      type: 'joined',
      initialized: this.#round !== undefined,
      step: this.#round?.step ?? 0,
      appliedSumOfSquares: this.#applied?.sumOfSquares,
      pendingSumOfSquares: this.#round?.sumOfSquares,
    };
  }

  #initialize({ request, caller, step, values }: RequestOf<'initialize'>): void {
    if (caller.worker !== 0) {
      throw new Refusal('failed-precondition', `worker ${caller.worker} may not initialise the shard; worker 0 does`);
    }
    if (!this.#round) {
      if (!values) throw incomplete('the initial values have');
      this.#effects.push({ type: 'install', values });
      this.#round = new Round(step, this.#place.workers);
      this.#answerWaiting('join', this.#joined());
    }
    this.#answer(request, { type: 'done' });
  }

  #push(request: RequestOf<'push'>): void {
    const round = this.#initializedRound();
    const { worker } = request.caller;
    if (request.step < round.step) {
      const isLast = request.step === round.step - 1;
      this.#answer(request.request, {
        type: 'pushed',
        sumOfSquares: isLast ? this.#applied?.sumOfSquares : undefined,
      });
      return;
    }
    if (request.step > round.step || this.#isUpdating) {
      throw new Refusal('aborted', `worker ${worker} pushes step ${request.step}, the shard is at ${round.step}`);
    }
    if (!round.has(worker)) this.#accept(round, request);
    if (round.sumOfSquares === undefined) this.#waiting.set(request.request, request);
    else this.#answer(request.request, { type: 'pushed', sumOfSquares: round.sumOfSquares });
  }

  #accept(round: Round, { caller, learningRate, gradient, step }: RequestOf<'push'>): void {
    if (!gradient) throw incomplete(`worker ${caller.worker}'s gradient of step ${step} has`);
    for (const ready of round.accept(caller.worker, learningRate, gradient)) {
      this.#effects.push({ type: 'add', ...ready });
    }
    if (round.isComplete) this.#effects.push({ type: 'average', workers: this.#place.workers });
  }

  #pull(request: RequestOf<'pull'>): void {
    const round = this.#initializedRound();
    const { step, sumOfSquares, caller } = request;
    if (step < round.step || step > round.step + 1) {
      throw new Refusal('aborted', `worker ${caller.worker} pulls step ${step}, the shard is at ${round.step}`);
    }
    if (step === round.step) {
      if (sumOfSquares !== undefined) this.#requireSameNorm(caller.worker, step, sumOfSquares);
      if (!this.#isUpdating) {
        this.#answer(request.request, { type: 'parameters', step });
        return;
      }
    } else if (sumOfSquares !== undefined) this.#update(round, caller.worker, sumOfSquares);
    this.#waiting.set(request.request, request);
  }

  #update(round: Round, worker: number, sumOfSquares: number): void {
    if (round.sumOfSquares === undefined) {
      throw new Refusal(
        'aborted',
        `worker ${worker} pulls step ${round.step + 1} before all have pushed ${round.step}`,
      );
    }
    this.#applied = { sumOfSquares: round.sumOfSquares, global: { sumOfSquares, worker } };
    this.#round = new Round(round.step + 1, this.#place.workers);
    this.#isUpdating = true;
    this.#effects.push({ type: 'update', step: round.step + 1, learningRate: round.learningRate!, sumOfSquares });
  }

  #requireSameNorm(worker: number, step: number, sumOfSquares: number): void {
    const applied = this.#applied?.global;
    // Object.is: a gradient that has become NaN is NaN for every worker.
    if (!applied || Object.is(applied.sumOfSquares, sumOfSquares)) return;
    throw new Refusal(
      'failed-precondition',
      `worker ${worker} pulls step ${step} with squared gradient norm ${sumOfSquares}, worker ${applied.worker} with ` +
        `${applied.sumOfSquares}; do all workers list the same servers?`,
    );
  }

  #leave({ request, caller }: RequestOf<'leave'>): void {
    this.#members.leave(caller.worker);
    this.#answer(request, { type: 'done' });
    if (this.#members.allHaveLeft) this.#effects.push({ type: 'finish' });
  }

  #initializedRound(): Round {
    if (!this.#round) throw new Refusal('failed-precondition', 'the shard has no values yet; worker 0 initialises it');
    return this.#round;
  }

  /** Refuses the requests that wait for a worker which is gone. A worker with a request open is not: it waits as well. */
  #refuseHopeless(now: number): void {
    const [type, awaited] = this.#round ? (['push', this.#round.missing] as const) : (['join', [0]] as const);
    const waiting = [...this.#waiting.values()].filter((request) => request.type === type);
    if (waiting.length === 0) return;
    const refusal = awaited.map((worker) => this.#absence(worker, now)).find((absence) => absence !== undefined);
    if (refusal) for (const { request } of waiting) this.#refuse(request, refusal);
  }

  #absence(worker: number, now: number): Refusal | undefined {
    if (this.#members.hasLeft(worker)) {
      const where = this.#round ? `at step ${this.#round.step}` : 'before it initialised the parameters';
      return new Refusal('failed-precondition', `worker ${worker} has left the run ${where}; see its output for why`);
    }
    const hasRequest = [...this.#waiting.values()].some(({ caller }) => caller.worker === worker);
    if (hasRequest || !this.#members.isLost(worker, now)) return undefined;
    return new Refusal(
      'unavailable',
      `worker ${worker} has not been heard of for ${this.#members.lease} s; it was killed or lost its network. ` +
        'Restart the run from its last checkpoint',
    );
  }

  /** From now on every request is refused; those that wait for an update in progress are still answered. */
  #fail(failure: Refusal): void {
    this.#failure = failure;
    for (const { request, type } of [...this.#waiting.values()]) {
      const isServed = this.#isUpdating && type === 'pull' && failure.code !== 'internal';
      if (!isServed) this.#refuse(request, failure);
    }
  }

  #answerWaiting(type: Request['type'], answer: Answer): void {
    for (const request of [...this.#waiting.values()]) {
      if (request.type === type) this.#answer(request.request, answer);
    }
  }

  #answer(request: number, answer: Answer): void {
    this.#waiting.delete(request);
    this.#effects.push({ type: 'answer', request, answer });
  }

  #refuse(request: number, { code, message }: Refusal): void {
    this.#waiting.delete(request);
    this.#effects.push({ type: 'refuse', request, code, message });
  }
}

function incomplete(what: string): Refusal {
  return new Refusal('failed-precondition', `${what} not arrived completely; upload all of the vector first`);
}
