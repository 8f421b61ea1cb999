/** Tracks which awaited workers are silent: which silences to report, and when a worker counts as lost. */
import type { ShardPolicy } from './agreement.js';
import type { Membership } from './membership.js';
import { Refusal } from './refusal.js';

export class Attendance {
  readonly #members: Membership;
  readonly #policy: ShardPolicy;
  readonly #reported = new Set<number>();

  constructor(members: Membership, policy: ShardPolicy) {
    this.#members = members;
    this.#policy = policy;
  }

  /** Returns whether the worker has left, or has been silent for longer than the run waits. */
  isLost(worker: number, now: number): boolean {
    return this.#members.hasLeft(worker) || this.#members.silence(worker, now) > this.#policy.patienceSeconds;
  }

  /** Returns the refusal for requests that wait for a lost worker. `where` says how far the run has come. */
  loss(worker: number, where: string): Refusal {
    if (this.#members.hasLeft(worker)) {
      return new Refusal('peer-lost', `worker ${worker} has left the run ${where}; see its output for why`);
    }
    return new Refusal(
      'peer-lost',
      `worker ${worker} has not been heard of for ${this.#policy.patienceSeconds} s; it was killed or lost its ` +
        'network. Start it again, and resume the run',
    );
  }

  /** Returns one line for each awaited worker whose silence has not been reported yet. */
  newlySilent(awaited: readonly number[], where: string, now: number): string[] {
    const silent = awaited.filter(
      (worker) =>
        !this.#reported.has(worker) &&
        !this.isLost(worker, now) &&
        this.#members.silence(worker, now) > this.#policy.leaseSeconds,
    );
    return silent.map((worker) => {
      this.#reported.add(worker);
      return (
        `worker ${worker} has been silent for ${this.#policy.leaseSeconds} s; the others wait for it ${where}, ` +
        `until ${this.#policy.patienceSeconds} s have passed`
      );
    });
  }

  /** Returns a line if the joining worker was reported as silent. */
  returned(worker: number, where: string): string[] {
    return this.#reported.delete(worker) ? [`worker ${worker} is back ${where}`] : [];
  }
}
