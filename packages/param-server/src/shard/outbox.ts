/** Holds a shard's unanswered requests, and collects the effects of the message being handled. */
import type { Answer, Request, RequestOf, ShardEffect } from './messages.js';
import { Refusal } from './refusal.js';

/**
 * The greatest number of calls that one worker may have waiting. A client has a handful; a worker that repeats calls
 * without end gets the oldest ones refused.
 */
const mostWaiting = 64;

export class Outbox {
  readonly #waiting = new Map<number, Request>();
  #effects: ShardEffect[] = [];

  /** Returns the effects since the last call, in order. */
  takeEffects(): ShardEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  add(effect: ShardEffect): void {
    this.#effects.push(effect);
  }

  /** Keeps a request until it is answered, without the vectors that it brought. */
  hold(request: Request): void {
    const { worker } = request.caller;
    const own = this.waiting.filter(({ caller }) => caller.worker === worker);
    if (own.length >= mostWaiting) {
      const text = `worker ${worker} has more than ${mostWaiting} calls waiting; join again`;
      this.refuse(own[0]!, new Refusal('aborted', text));
    }
    this.#waiting.set(request.request, request.type === 'push' ? { ...request, contribution: undefined } : request);
  }

  forget(request: number): void {
    this.#waiting.delete(request);
  }

  get waiting(): Request[] {
    return [...this.#waiting.values()];
  }

  waitingFor<Type extends Request['type']>(type: Type): RequestOf<Type>[] {
    return this.waiting.filter((request): request is RequestOf<Type> => request.type === type);
  }

  /**
   * Returns whether the worker is waiting to be let in. Such a worker blocks nobody and sends no heartbeats yet. After
   * it is let in, only heartbeats show that it is alive: the connection of a machine that vanished does not tell.
   */
  isJoining(worker: number): boolean {
    return this.waitingFor('join').some(({ caller }) => caller.worker === worker);
  }

  answer({ request }: Request, answer: Answer): void {
    this.#waiting.delete(request);
    this.#effects.push({ type: 'answer', request, answer });
  }

  answerAll(type: Request['type'], answer: Answer): void {
    for (const request of this.waitingFor(type)) this.answer(request, answer);
  }

  refuse({ request }: Request, { code, message }: Refusal): void {
    this.#waiting.delete(request);
    this.#effects.push({ type: 'refuse', request, code, message });
  }

  refuseAll(requests: readonly Request[], refusal: Refusal): void {
    for (const request of requests) this.refuse(request, refusal);
  }
}
