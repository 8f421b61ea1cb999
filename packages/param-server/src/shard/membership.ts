/**
 * Tracks who takes part in the run: each worker's believed process, when it was last heard, and what it has finished.
 * If two processes claim the same worker, the one that joined later is believed. The first shard decides that order: it
 * numbers processes as they join, and each process tells the other shards its number. The order does not depend on any
 * clock.
 */
import { counted } from '../time/quantities.js';
import type { Caller, Claim } from './messages.js';
import { Refusal } from './refusal.js';

interface Member {
  readonly incarnation: number;
  /** The process's number in the order in which processes joined. */
  ordinal: number;
  /** Whether this server handed out that number, rather than the server that ran before a restart. */
  readonly isOurs: boolean;
  /** The incarnations of the processes that this one, or one before it, has replaced. */
  readonly replaced: Set<number>;
  hasFinished: boolean;
  /** When the worker said goodbye: after all had finished, or before that. */
  goodbye: 'in the end' | 'early' | undefined;
}

/** Either the process was let in, perhaps replacing another one, or it was turned away because a newer one is here. */
export type Entrance =
  | { readonly type: 'entered'; readonly ordinal: number; readonly replaced: Refusal | undefined }
  | { readonly type: 'superseded'; readonly ordinal: number };

/**
 * How far the number that a process brings may be ahead of all that this server knows. It counts as no more: numbers end
 * at 2^53, and one message that claims the last would keep every later process out.
 */
const mostAhead = 2 ** 20;

/** The greatest number of replaced processes of a worker that are remembered. */
const mostReplaced = 4096;

/** The claim of a process that joins for the first time. */
const newcomer: Claim = { ordinal: 0, above: 0, isChief: false };

export class Membership {
  #known: readonly number[] = [];
  readonly #members = new Map<number, Member>();
  /**
   * When each worker was last heard. Includes processes that have yet to join: workers that wait for them need to know
   * they are alive.
   */
  readonly #heardAt = new Map<number, number>();
  readonly #handsOut: boolean;
  /** The greatest number of any process that this server knows. */
  #greatest = 0;
  #startedAt: number | undefined;

  /**
   * @param workers the greatest number of workers
   * @param handsOut whether this is the first shard, which numbers processes
   */
  constructor(
    readonly workers: number,
    handsOut: boolean,
  ) {
    this.#handsOut = handsOut;
  }

  /**
   * Lets the caller in, unless a newer process has taken the worker's place. The result carries the refusal for a
   * process that the caller replaces. `now` is in seconds.
   * @throws Refusal if the index is out of range, or if the caller was replaced or has left, so that its join came late
   *   or twice
   */
  enter(caller: Caller, claim: Claim | undefined, now: number): Entrance {
    const { worker, incarnation } = caller;
    this.#requireInRange(worker);
    const member = this.#members.get(worker);
    if (member?.replaced.has(incarnation)) throw isReplaced(worker);
    const entrance =
      member?.incarnation === incarnation
        ? this.#reenter(worker, member, claim ?? newcomer)
        : this.#admit(caller, member, claim ?? newcomer);
    if (entrance.type === 'entered') {
      this.#heardAt.set(worker, now);
      this.#greatest = Math.max(this.#greatest, entrance.ordinal);
    }
    return entrance;
  }

  /** Handles a process that joins again while it is a member. */
  #reenter(worker: number, member: Member, { ordinal, above }: Claim): Entrance {
    if (member.goodbye) throw hasLeft(worker);
    if (!this.#handsOut) member.ordinal = Math.max(member.ordinal, this.#credible(ordinal));
    else if (above >= member.ordinal) {
      // Numbers from an earlier server are compared as they are. Another shard knows one at least as great, so there is
      // a newer process.
      if (!member.isOurs) throw isReplaced(worker);
      member.ordinal = this.#next(above);
    }
    return { type: 'entered', ordinal: member.ordinal, replaced: undefined };
  }

  /** Handles a process that is not a member; it may take the place of `member`. */
  #admit({ worker, incarnation }: Caller, member: Member | undefined, { ordinal, above }: Claim): Entrance {
    const isNew = this.#handsOut && ordinal === 0;
    // A process that brings a number joined before this server started, so it is older than any process numbered here.
    const isOlder = member !== undefined && !isNew && (member.isOurs || ordinal <= member.ordinal);
    if (isOlder && this.#handsOut) throw isReplaced(worker);
    if (isOlder) return { type: 'superseded', ordinal: member.ordinal };
    const given = isNew ? this.#next(above) : this.#credible(ordinal);
    const replaced = member?.replaced ?? new Set<number>();
    if (member) replaced.add(member.incarnation);
    if (replaced.size > mostReplaced) replaced.delete(replaced.values().next().value!);
    // A new process has yet to say that it has nothing left to do.
    const state = { hasFinished: false, goodbye: undefined };
    this.#members.set(worker, { incarnation, ordinal: given, isOurs: isNew, replaced, ...state });
    return { type: 'entered', ordinal: given, replaced: member && isReplaced(worker) };
  }

  /** Returns the next number in the order, above `above` where that can be. */
  #next(above: number): number {
    return Math.max(this.#greatest, this.#credible(above)) + 1;
  }

  #credible(ordinal: number): number {
    return Math.min(ordinal, this.#greatest + mostAhead);
  }

  /** Notes that the caller is alive. @throws Refusal unless the caller is the process that joined. */
  hear({ worker, incarnation }: Caller, now: number): void {
    this.#requireInRange(worker);
    const member = this.#members.get(worker);
    if (member?.replaced.has(incarnation)) throw isReplaced(worker);
    this.#heardAt.set(worker, now);
    if (member?.incarnation !== incarnation) {
      throw new Refusal('aborted', `worker ${worker} has not joined this server, which was restarted; join again`);
    }
  }

  /** Notes that the worker was let in; it sends heartbeats from now on. */
  welcome(worker: number, now: number): void {
    this.#heardAt.set(worker, now);
  }

  /** @throws Refusal if the process has said goodbye, so that this earlier request came late or twice */
  requireInside({ worker }: Caller): void {
    if (this.hasLeft(worker)) throw hasLeft(worker);
  }

  ordinalOf(worker: number): number {
    return this.#members.get(worker)?.ordinal ?? 0;
  }

  /** @param isFinished whether the worker was told that all have finished */
  leave(worker: number, isFinished: boolean): void {
    this.#members.get(worker)!.goodbye = isFinished ? 'in the end' : 'early';
  }

  hasLeft(worker: number): boolean {
    return this.#members.get(worker)?.goodbye !== undefined;
  }

  hasLeftInTheEnd(worker: number): boolean {
    return this.#members.get(worker)?.goodbye === 'in the end';
  }

  /** Whether any worker has said goodbye because all have finished. */
  get isComplete(): boolean {
    return [...this.#members.values()].some(({ goodbye }) => goodbye === 'in the end');
  }

  /** The workers that have joined, in ascending order. Nobody is ever removed. */
  get known(): readonly number[] {
    if (this.#known.length < this.#members.size) this.#known = [...this.#members.keys()].toSorted((a, b) => a - b);
    return this.#known;
  }

  finish(worker: number): void {
    this.#members.get(worker)!.hasFinished = true;
  }

  hasFinished(worker: number): boolean {
    return this.#members.get(worker)?.hasFinished ?? false;
  }

  /**
   * Marks all workers as unfinished: the servers went back a few steps, or another worker must write the checkpoint.
   */
  forgetFinished(): void {
    for (const member of this.#members.values()) member.hasFinished = false;
  }

  #requireInRange(worker: number): void {
    if (worker < this.workers) return;
    throw new Refusal(
      'failed-precondition',
      `worker index ${worker} is out of range: this run has ${counted(this.workers, 'worker')}, 0 to ${this.workers - 1}`,
    );
  }

  /**
   * Returns the seconds since the worker was last heard. For a worker never heard, counts from the first call of this
   * method.
   */
  silence(worker: number, now: number): number {
    this.#startedAt ??= now;
    return now - (this.#heardAt.get(worker) ?? this.#startedAt);
  }
}

/** Returns the refusal for a process that has said goodbye. */
export function hasLeft(worker: number): Refusal {
  return new Refusal('failed-precondition', `worker ${worker} has left the run`);
}

function isReplaced(worker: number): Refusal {
  return new Refusal(
    'failed-precondition',
    `worker ${worker} has been replaced by a process that joined later; end this one, or give each an index of its own`,
  );
}
