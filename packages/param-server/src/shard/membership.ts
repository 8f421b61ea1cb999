/** Who takes part in the run: the believed incarnation of each worker, when it was last heard, and whether it has left. */
import type { Caller } from './messages.js';
import { Refusal } from './refusal.js';

interface Member {
  incarnation: number;
  heardAt: number;
  hasLeft: boolean;
}

export class Membership {
  readonly #members = new Map<number, Member>();

  /** Times are in seconds; a member that is silent for longer than `lease` counts as lost. */
  constructor(
    readonly workers: number,
    readonly lease: number,
  ) {}

  /**
   * Believes the caller, and returns what to tell an older process that it replaces.
   * @throws Refusal if the index is out of range or a newer process has taken the worker's place.
   */
  enter({ worker, incarnation }: Caller, now: number): Refusal | undefined {
    if (worker >= this.workers) {
      throw new Refusal(
        'failed-precondition',
        `worker index ${worker} is out of range: this run has ${this.workers} workers, 0 to ${this.workers - 1}`,
      );
    }
    const member = this.#members.get(worker);
    if (member && incarnation < member.incarnation) throw replaced(worker, member.incarnation, incarnation);
    if (member?.incarnation === incarnation) {
      member.heardAt = now;
      return undefined;
    }
    this.#members.set(worker, { incarnation, heardAt: now, hasLeft: false });
    return member && replaced(worker, incarnation, member.incarnation);
  }

  /** Notes that the caller is alive. @throws Refusal unless it is the process that joined. */
  hear({ worker, incarnation }: Caller, now: number): void {
    const member = this.#members.get(worker);
    if (member && incarnation < member.incarnation) throw replaced(worker, member.incarnation, incarnation);
    if (!member || incarnation > member.incarnation) {
      throw new Refusal(
        'failed-precondition',
        `worker ${worker} (incarnation ${incarnation}) has not joined this server; was the server restarted? ` +
          'Restart the run from its last checkpoint',
      );
    }
    member.heardAt = now;
  }

  leave(worker: number): void {
    this.#members.get(worker)!.hasLeft = true;
  }

  hasLeft(worker: number): boolean {
    return this.#members.get(worker)?.hasLeft ?? false;
  }

  get allHaveLeft(): boolean {
    return this.#members.size === this.workers && [...this.#members.values()].every((member) => member.hasLeft);
  }

  /** Whether the worker joined and has been silent for longer than its lease. */
  isLost(worker: number, now: number): boolean {
    const member = this.#members.get(worker);
    return member !== undefined && !member.hasLeft && now - member.heardAt > this.lease;
  }
}

function replaced(worker: number, newer: number, older: number): Refusal {
  return new Refusal(
    'failed-precondition',
    `worker ${worker} has been replaced by a newer process (incarnation ${newer}, this one is ${older}); end this one`,
  );
}
