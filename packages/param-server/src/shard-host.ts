/**
 * The shell around the deterministic heart: numbers its requests, tells it the time, does its effects and turns its
 * answers into promises. It knows no gRPC; `service.ts` does.
 */

import { partition } from './partition.js';
import type { ShardPlace } from './shard/agreement.js';
import type { Answer, Request, RunDescription, ShardEffect, ShardMessage } from './shard/messages.js';
import { Refusal } from './shard/refusal.js';
import { Shard } from './shard/shard.js';
import { ShardStore } from './shard-store.js';
import type { UpdateRuleFactory } from './update-rule.js';
import { Uploads } from './uploads.js';

/** A request as its caller writes it: the host numbers it. */
export type UnnumberedRequest = Request extends infer R ? (R extends Request ? Omit<R, 'request'> : never) : never;

interface Pending {
  resolve(answer: Answer): void;
  reject(refusal: Refusal): void;
}

/** What exists once the first worker has said which model is trained. */
interface Adopted {
  readonly store: ShardStore;
  readonly uploads: Uploads;
}

export class ShardHost {
  /** Resolves when every worker has left. */
  readonly finished: Promise<void>;
  #finish: () => void;
  #adopted: Adopted | undefined;
  #requests = 0;
  readonly #pending = new Map<number, Pending>();
  readonly #heart: Shard;
  readonly #createRule: UpdateRuleFactory;
  readonly #now: () => number;

  /** `now` tells the time in seconds from any origin. */
  constructor(
    place: ShardPlace,
    readonly leaseSeconds: number,
    createRule: UpdateRuleFactory,
    now: () => number,
  ) {
    this.#heart = new Shard(place, leaseSeconds);
    this.#createRule = createRule;
    this.#now = now;
    let finish!: () => void;
    this.finished = new Promise((resolve) => {
      finish = resolve;
    });
    this.#finish = finish;
  }

  /** The shard's vectors. @throws Refusal before any worker has joined. */
  get adopted(): Adopted {
    if (!this.#adopted) throw new Refusal('failed-precondition', 'no worker has joined this server; join first');
    return this.#adopted;
  }

  isReadableAt(step: number): boolean {
    return this.#heart.isReadableAt(step);
  }

  /**
   * What the shard answers, when it does. `whenCancelled` is given a function to call if the caller goes away first.
   * @throws Refusal
   */
  ask(request: UnnumberedRequest, whenCancelled: (cancel: () => void) => void): Promise<Answer> {
    const number = this.#requests++;
    return new Promise((resolve, reject) => {
      this.#pending.set(number, { resolve, reject });
      whenCancelled(() => {
        if (this.#pending.delete(number)) this.tell({ type: 'cancel', request: number });
      });
      this.tell({ ...request, request: number } as Request);
    });
  }

  tell(message: ShardMessage): void {
    for (const effect of this.#heart.receive(message, this.#now())) this.#do(effect);
  }

  #do(effect: ShardEffect): void {
    switch (effect.type) {
      case 'answer':
        this.#settle(effect.request)?.resolve(effect.answer);
        break;
      case 'refuse':
        this.#settle(effect.request)?.reject(new Refusal(effect.code, effect.message));
        break;
      case 'adopt':
        this.#adopt(effect.run);
        break;
      case 'install':
        this.adopted.store.install(effect.values);
        break;
      case 'add':
        this.adopted.store.add(effect.gradient, effect.isFirst);
        this.adopted.uploads.recycle(effect.gradient);
        break;
      case 'average':
        this.tell({ type: 'averaged', sumOfSquares: this.adopted.store.average(effect.workers) });
        break;
      case 'update':
        this.adopted.store.update(effect.step, effect.learningRate, effect.sumOfSquares).then(
          () => this.tell({ type: 'updated' }),
          (error: unknown) => this.tell({ type: 'update-failed', reason: String(error) }),
        );
        break;
      case 'finish':
        this.#finish();
        break;
    }
  }

  #adopt(run: RunDescription): void {
    const layout = partition(run.model.parameters, run.shards)[run.shard]!;
    this.#adopted = { store: new ShardStore(run, layout, this.#createRule), uploads: new Uploads(layout.length) };
  }

  #settle(request: number): Pending | undefined {
    const pending = this.#pending.get(request);
    this.#pending.delete(request);
    return pending;
  }
}
