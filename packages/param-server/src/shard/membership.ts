/**
 * Who takes part in the run: the believed process of each worker, when it was last heard, what it is done with. Of two processes
 * that claim the same worker, the one that joined later is believed. The first shard decides that order: it numbers processes as
 * they join, and they tell the other shards their numbers. No clock takes part in it.
 */
import type { Caller, Claim } from './messages.js';
import { Refusal } from './refusal.js';

interface Member {
  readonly incarnation: number;
  /** Its number in the order of the processes that have joined. */
  ordinal: number;
  /** Whether this server has handed out that number, and not one that was here before it was restarted. */
  readonly isOurs: boolean;
  /** The processes that this one, or one before it, has replaced. */
  readonly replaced: ReadonlySet<number>;
  hasFinished: boolean;
  /** How it said goodbye: when all had finished, or before. */
  goodbye: 'in the end' | 'early' | undefined;
}

/** A process was let in, perhaps in the place of another one, or was not, because a newer one was here. */
export type Entrance =
  | { readonly type: 'entered'; readonly ordinal: number; readonly replaced: Refusal | undefined }
  | { readonly type: 'superseded'; readonly ordinal: number };

/** What a process says that joins for the first time. */
const newcomer: Claim = { ordinal: 0, above: 0, isChief: false };

export class Membership {
  readonly #members = new Map<number, Member>();
  /** Of a process that has yet to join too: it is alive, which is what those that wait for it want to know. */
  readonly #heardAt = new Map<number, number>();
  readonly #handsOut: boolean;
  /** The greatest number that any process has, as far as this server knows. */
  #greatest = 0;
  #startedAt: number | undefined;

  /**
   * @param workers how many there may be
   * @param handsOut whether this is the first shard, which numbers processes
   */
  constructor(
    readonly workers: number,
    handsOut: boolean,
  ) {
    this.#handsOut = handsOut;
  }

  /**
   * Believes the caller unless a newer process has taken the worker's place; tells what to say to one that it replaces.
   * `now` is in seconds.
   * @throws Refusal if the index is out of range, the caller was replaced, or has left: its join was delivered late, or twice
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

  /** A process that is here already joins again. */
  #reenter(worker: number, member: Member, { ordinal, above }: Claim): Entrance {
    if (member.goodbye) throw hasLeft(worker);
    if (!this.#handsOut) member.ordinal = Math.max(member.ordinal, ordinal);
    else if (above >= member.ordinal) {
      // Numbers that were handed out by a server before this one are compared as they are: there is a newer process.
      if (!member.isOurs) throw isReplaced(worker);
      member.ordinal = Math.max(this.#greatest, above) + 1;
    }
    return { type: 'entered', ordinal: member.ordinal, replaced: undefined };
  }

  /** A process comes that is not here, perhaps to take the place of `member`. */
  #admit({ worker, incarnation }: Caller, member: Member | undefined, { ordinal, above }: Claim): Entrance {
    const isNew = this.#handsOut && ordinal === 0;
    // Who has a number already had it before this server was started, and so before those that this server gave one.
    const isOlder = member !== undefined && !isNew && (member.isOurs || ordinal <= member.ordinal);
    if (isOlder && this.#handsOut) throw isReplaced(worker);
    if (isOlder) return { type: 'superseded', ordinal: member.ordinal };
    const given = isNew ? Math.max(this.#greatest, above) + 1 : ordinal;
    const replaced = new Set(member ? [...member.replaced, member.incarnation] : []);
    // A new process has yet to say that it has nothing left to do.
    const state = { hasFinished: false, goodbye: undefined };
    this.#members.set(worker, { incarnation, ordinal: given, isOurs: isNew, replaced, ...state });
    return { type: 'entered', ordinal: given, replaced: member && isReplaced(worker) };
  }

  /** Notes that the caller is alive. @throws Refusal unless it is the process that joined. */
  hear({ worker, incarnation }: Caller, now: number): void {
    this.#requireInRange(worker);
    const member = this.#members.get(worker);
    if (member?.replaced.has(incarnation)) throw isReplaced(worker);
    this.#heardAt.set(worker, now);
    if (member?.incarnation !== incarnation) {
      throw new Refusal('aborted', `worker ${worker} has not joined this server, which was restarted; join again`);
    }
  }

  /** The worker is let in, and sends heartbeats from now on. */
  welcome(worker: number, now: number): void {
    this.#heardAt.set(worker, now);
  }

  /** @throws Refusal if the process has said goodbye: what it sent before has come late, or again */
  requireInside({ worker }: Caller): void {
    if (this.hasLeft(worker)) throw hasLeft(worker);
  }

  ordinalOf(worker: number): number {
    return this.#members.get(worker)?.ordinal ?? 0;
  }

  /** @param isFinished whether the worker has heard that all have finished */
  leave(worker: number, isFinished: boolean): void {
    this.#members.get(worker)!.goodbye = isFinished ? 'in the end' : 'early';
  }

  hasLeft(worker: number): boolean {
    return this.#members.get(worker)?.goodbye !== undefined;
  }

  /** Whether a worker has said goodbye because all have finished. */
  get isComplete(): boolean {
    return [...this.#members.values()].some(({ goodbye }) => goodbye === 'in the end');
  }

  /** The workers that have joined, ascending. */
  get known(): number[] {
    return [...this.#members.keys()].toSorted((a, b) => a - b);
  }

  finish(worker: number): void {
    this.#members.get(worker)!.hasFinished = true;
  }

  hasFinished(worker: number): boolean {
    return this.#members.get(worker)?.hasFinished ?? false;
  }

  /** There is more to do: the servers went back, or another worker has to write the checkpoint. */
  forgetFinished(): void {
    for (const member of this.#members.values()) member.hasFinished = false;
  }

  #requireInRange(worker: number): void {
    if (worker < this.workers) return;
    throw new Refusal(
      'failed-precondition',
      `worker index ${worker} is out of range: this run has ${this.workers} workers, 0 to ${this.workers - 1}`,
    );
  }

  /** The seconds since the worker was heard of; since this was first asked or told if it never was. */
  silence(worker: number, now: number): number {
    this.#startedAt ??= now;
    return now - (this.#heardAt.get(worker) ?? this.#startedAt);
  }
}

/** What to tell a process that has said goodbye. */
export function hasLeft(worker: number): Refusal {
  return new Refusal('failed-precondition', `worker ${worker} has left the run`);
}

function isReplaced(worker: number): Refusal {
  return new Refusal(
    'failed-precondition',
    `worker ${worker} has been replaced by a process that joined later; end this one, or give each an index of its own`,
  );
}
