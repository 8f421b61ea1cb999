/** Who takes part in the run: the believed incarnation of each worker, when it was last heard, what it is done with. */
import type { Caller } from './messages.js';
import { Refusal } from './refusal.js';

interface Member {
  incarnation: number;
  hasLeft: boolean;
  hasFinished: boolean;
}

export class Membership {
  readonly #members = new Map<number, Member>();
  /** Of a process that has yet to join too: it is alive, which is what those that wait for it want to know. */
  readonly #heardAt = new Map<number, number>();
  #startedAt: number | undefined;

  /** `workers` is how many there may be, `minWorkers` how many there must be. */
  constructor(
    readonly workers: number,
    readonly minWorkers: number,
  ) {}

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
    if (isSame && member.hasLeft) throw new Refusal('failed-precondition', `worker ${worker} has left the run`);
    this.#heardAt.set(worker, now);
    if (isSame) return undefined;
    // A new process has yet to say that it has nothing left to do.
    this.#members.set(worker, { incarnation, hasLeft: false, hasFinished: false });
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

  leave(worker: number): void {
    this.#members.get(worker)!.hasLeft = true;
  }

  hasLeft(worker: number): boolean {
    return this.#members.get(worker)?.hasLeft ?? false;
  }

  /** Worker 0 is in every run: while a shard has not heard of it, others that leave do not end the run. */
  get allHaveLeft(): boolean {
    const members = [...this.#members.values()];
    return this.#members.has(0) && members.length >= this.minWorkers && members.every((member) => member.hasLeft);
  }

  get allHaveFinished(): boolean {
    return [...this.#members.values()].every((member) => member.hasFinished);
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

function replaced(worker: number, newer: number, older: number): Refusal {
  return new Refusal(
    'failed-precondition',
    `worker ${worker} has been replaced by a newer process (incarnation ${newer}, this one is ${older}); end this one or, ` +
      'if it started later, set the clock of its machine',
  );
}
