/** Who takes part in the run: the believed incarnation of each worker, when it was last heard, what it is done with. */
import type { Caller } from './messages.js';
import { Refusal } from './refusal.js';

interface Member {
  incarnation: number;
  hasFinished: boolean;
  /** How it said goodbye: when all had finished, or before. */
  goodbye: 'in the end' | 'early' | undefined;
}

export class Membership {
  readonly #members = new Map<number, Member>();
  /** Of a process that has yet to join too: it is alive, which is what those that wait for it want to know. */
  readonly #heardAt = new Map<number, number>();
  #startedAt: number | undefined;

  /** @param workers how many there may be */
  constructor(readonly workers: number) {}

  /**
   * Believes the caller, and returns what to tell an older process that it replaces. `now` is in seconds.
   * @throws Refusal if the index is out of range, a newer process has taken the worker's place, or this one has left: its
   *   join was delivered late, or twice
   */
  enter({ worker, incarnation }: Caller, now: number): Refusal | undefined {
    this.#requireInRange(worker);
    const member = this.#members.get(worker);
    if (member && incarnation < member.incarnation) throw replaced(worker, member.incarnation, incarnation);
    const isSame = member?.incarnation === incarnation;
    if (isSame && member.goodbye) throw hasLeft(worker);
    this.#heardAt.set(worker, now);
    if (isSame) return undefined;
    // A new process has yet to say that it has nothing left to do.
    this.#members.set(worker, { incarnation, hasFinished: false, goodbye: undefined });
    return member ? replaced(worker, incarnation, member.incarnation) : undefined;
  }

  /** Notes that the caller is alive. @throws Refusal unless it is the process that joined. */
  hear({ worker, incarnation }: Caller, now: number): void {
    this.#requireInRange(worker);
    const member = this.#members.get(worker);
    if (member && incarnation < member.incarnation) throw replaced(worker, member.incarnation, incarnation);
    this.#heardAt.set(worker, now);
    if (!member || incarnation > member.incarnation) {
      throw new Refusal('aborted', `worker ${worker} has not joined this server, which was restarted; join again`);
    }
  }

  /** @throws Refusal if the process has said goodbye: what it sent before has come late, or again */
  requireInside({ worker }: Caller): void {
    if (this.hasLeft(worker)) throw hasLeft(worker);
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

  /** There is more to do: the servers went back. */
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

function replaced(worker: number, newer: number, older: number): Refusal {
  return new Refusal(
    'failed-precondition',
    `worker ${worker} has been replaced by a newer process (incarnation ${newer}, this one is ${older}); end this one or, ` +
      'if it started later, set the clock of its machine',
  );
}
