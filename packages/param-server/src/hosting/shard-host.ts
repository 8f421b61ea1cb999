/**
 * The shell around the deterministic heart: numbers its requests, tells it the time, carries out its effects, and turns
 * its answers into promises. It does not know gRPC; `service.ts` does.
 */

import type { ShardWatcher } from '../metrics/shard-watcher.js';
import { laneElements, type ShardPlace, type ShardPolicy } from '../shard/agreement.js';
import type {
  Answer,
  Request,
  RunDescription,
  Severity,
  ShardEffect,
  ShardMessage,
  UnnumberedRequest,
} from '../shard/messages.js';
import { Refusal } from '../shard/refusal.js';
import { type Awaited, Shard } from '../shard/shard.js';
import type { SnapshotStore } from '../snapshots/snapshot.js';
import type { Waits } from '../time/waits.js';
import { NotFinite, type UpdateRuleFactory } from '../update-rules/update-rule.js';
import { partition, type ShardLayout } from '../vectors/partition.js';
import { ShardStore } from './shard-store.js';
import { Uploads } from './uploads.js';

export interface ShardHostOptions {
  readonly place: ShardPlace;
  readonly policy: ShardPolicy;
  readonly createRule: UpdateRuleFactory;
  readonly snapshots: SnapshotStore;
  /** Returns the time in seconds from any origin. */
  readonly now: () => number;
  /** Receives lines for the person who runs the training. */
  readonly onNotice: (line: string, severity: Severity) => void;
  readonly watcher?: ShardWatcher | undefined;
  /** Notes what the shard is waiting for. */
  readonly waits?: Waits;
}

interface Pending {
  readonly type: Request['type'];
  resolve(answer: Answer): void;
  reject(refusal: Refusal): void;
}

/** The parts that exist once the first worker has described the model. */
interface Adopted {
  readonly run: RunDescription;
  readonly store: ShardStore;
  readonly uploads: Uploads;
}

export class ShardHost {
  /** Resolves when every worker has left, with whether they had nothing left to do. */
  readonly finished: Promise<boolean>;
  readonly policy: ShardPolicy;
  readonly snapshots: SnapshotStore;
  #finish: (isComplete: boolean) => void;
  #adopted: Adopted | undefined;
  #requests = 0;
  readonly #pending = new Map<number, Pending>();
  readonly #heart: Shard;
  readonly #options: ShardHostOptions;

  constructor(options: ShardHostOptions) {
    this.#options = options;
    this.policy = options.policy;
    this.snapshots = options.snapshots;
    this.#heart = new Shard(options.place, options.policy);
    let finish!: (isComplete: boolean) => void;
    this.finished = new Promise((resolve) => {
      finish = resolve;
    });
    this.#finish = finish;
  }

  /** The shard's vectors. @throws Refusal before any worker has joined. */
  get adopted(): Adopted {
    if (!this.#adopted)
      throw new Refusal('aborted', 'no worker has joined this server, which was restarted; join again');
    return this.#adopted;
  }

  /** Whether the run goes on when workers leave. */
  get isElastic(): boolean {
    return this.#heart.isElastic;
  }

  /** The number of requests that wait for an answer, by type. */
  get waiting(): ReadonlyMap<Request['type'], number> {
    const counts = new Map<Request['type'], number>();
    for (const { type } of this.#pending.values()) counts.set(type, (counts.get(type) ?? 0) + 1);
    return counts;
  }

  /** The event that the run waits for, if any: {@link Shard.awaited}. */
  get awaited(): Awaited | undefined {
    return this.#heart.awaited(this.#options.now());
  }

  isReadableAt(generation: number, step: number): boolean {
    return this.#heart.isReadableAt(generation, step);
  }

  /**
   * Resolves with the shard's answer. `whenCancelled` receives a function to call if the caller goes away first.
   * @throws Refusal
   */
  ask(request: UnnumberedRequest, whenCancelled: (cancel: () => void) => void): Promise<Answer> {
    const number = this.#requests++;
    const { type } = request;
    this.#options.watcher?.asked(request);
    const answered = new Promise<Answer>((resolve, reject) => {
      this.#pending.set(number, { type, resolve, reject });
    });
    whenCancelled(this.#cancellation(number));
    this.tell({ ...request, request: number } as Request);
    return answered;
  }

  /** A closure of its own: made within {@link ask}, it would keep the request's vectors as long as the call waits. */
  #cancellation(number: number): () => void {
    return () => {
      if (this.#pending.delete(number)) this.tell({ type: 'cancel', request: number });
    };
  }

  tell(message: ShardMessage): void {
    const { now, watcher } = this.#options;
    for (const effect of this.#heart.receive(message, now())) {
      const began = now();
      this.#do(effect);
      watcher?.did(effect, now() - began);
    }
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
      case 'read-snapshot':
        this.#readSnapshot(effect);
        break;
      case 'set-aside':
        this.#inBackground('the old snapshots could not be set aside', this.snapshots.setAside(effect.after));
        break;
      case 'add':
        this.#add(effect);
        break;
      case 'measure':
        this.tell({ type: 'measured', sumOfSquares: this.adopted.store.measure(effect.scale) });
        break;
      case 'update':
        this.#update(effect);
        break;
      case 'snapshot':
        this.#snapshot(effect.step);
        break;
      case 'notice':
        this.#options.onNotice(effect.line, effect.severity);
        break;
      case 'finish':
        this.#end(effect);
        break;
    }
  }

  #adopt(run: RunDescription): void {
    const layout = partition(run.model.parameters, run.shards)[run.shard]!;
    const store = new ShardStore(run, layout, this.#options.createRule);
    this.#adopted = {
      run,
      store,
      uploads: new Uploads({ lengths: vectorLengths(store, layout, laneElements(run)), layout }),
    };
    this.snapshots.adopt(JSON.stringify([run.model, run.shard, run.shards]));
  }

  #add({ contribution, lanes, isFirst }: Extract<ShardEffect, { type: 'add' }>): void {
    const { store, uploads } = this.adopted;
    uploads.recycle(store.add(contribution, lanes, isFirst));
    uploads.recycle(contribution.lanes);
  }

  #update({ generation, step, learningRate, sumOfSquares }: Extract<ShardEffect, { type: 'update' }>): void {
    const { store, uploads } = this.adopted;
    store.update(step, learningRate, sumOfSquares).then(
      (gradient) => {
        uploads.recycle(gradient);
        this.tell({ type: 'updated', generation });
      },
      (error: unknown) => {
        if (error instanceof NotFinite) this.tell({ type: 'diverged', generation, what: store.wordsFor(error) });
        else this.tell({ type: 'update-failed', generation, reason: String(error) });
      },
    );
  }

  #readSnapshot({ generation, step }: Extract<ShardEffect, { type: 'read-snapshot' }>): void {
    const read = this.snapshots.read(step);
    void this.#options.waits?.during('the snapshot to be read', read, `of step ${step}`).catch(() => undefined);
    read.then(
      ({ values }) => {
        this.#options.watcher?.readSnapshot(step);
        this.tell({ type: 'snapshot-read', generation, step, values });
      },
      (error: Error) => {
        this.#options.watcher?.failedSnapshot('read');
        this.tell({ type: 'snapshot-unreadable', generation, reason: error.message });
      },
    );
  }

  /** Writes a snapshot while training goes on. */
  #snapshot(step: number): void {
    const { store } = this.adopted;
    const { watcher } = this.#options;
    const written = this.snapshots.write({ step, values: store.freeze() });
    written.then(
      () => watcher?.wroteSnapshot(step),
      () => watcher?.failedSnapshot('write'),
    );
    this.#inBackground(`the snapshot of step ${step} could not be written`, written).then(() => {
      store.thaw();
      this.tell({ type: 'snapshot-written' });
    });
  }

  #end({ isComplete, isAgreed }: Extract<ShardEffect, { type: 'finish' }>): void {
    // The snapshots are no longer needed: the checkpoint contains their data.
    const cleared = isComplete && isAgreed ? this.snapshots.clear() : Promise.resolve();
    this.#inBackground('the snapshots could not be removed', cleared).then(() => this.#finish(isComplete));
  }

  /** Runs work whose failure does not stop training, but is reported to the person who runs it. */
  #inBackground(failure: string, work: Promise<void>): Promise<void> {
    return work.catch((error: unknown) => this.#options.onNotice(`${failure}: ${(error as Error).message}`, 'error'));
  }

  #settle(request: number): Pending | undefined {
    const pending = this.#pending.get(request);
    this.#pending.delete(request);
    return pending;
  }
}

/** Returns the length of every vector that workers may send. */
function vectorLengths({ slotNames }: ShardStore, layout: ShardLayout, lanes: number): ReadonlyMap<string, number> {
  const values = ['parameters', ...slotNames].map((name) => [name, layout.length] as const);
  return new Map([...values, ['gradient', layout.denseLength], ['lanes', lanes]]);
}
