/**
 * Limits how many connections a server holds, and how long one may be open before it makes a call that lets it in.
 * Connections that have not made such a call are strangers: they are few, short-lived, and never take the place of
 * admitted ones. The gate knows neither sockets nor protocols: the holder of a connection reports what happens to it.
 */
import type { RefusalLog } from './refusal-log.js';

export type RefusalReason = 'limit' | 'no-call';

export interface GateLimits {
  /** The greatest number of admitted connections. */
  readonly most: number;
  /** The greatest number of strangers beside them. One more takes the place of the oldest. */
  readonly mostStrangers: number;
  /** How long a connection may be open before it is let in. A worker calls as soon as it has connected. */
  readonly strangerSeconds: number;
}

/** Returns the limits for a run with this many workers: each has a handful of connections, and others watch the run. */
export function gateLimits(workers: number): GateLimits {
  return { most: 64 + 16 * workers, mostStrangers: 32 + 4 * workers, strangerSeconds: 10 };
}

/** One connection, as long as it is open. */
export interface Visit {
  readonly isAdmitted: boolean;
  /**
   * Notes that the connection has made a call that lets it in.
   * @returns false if there were too many, so that it has been closed
   */
  admit(): boolean;
  /** Sets how the connection is closed from now on, because another holder has taken it. */
  handOver(close: () => void): void;
  /** Notes that the connection is closed. */
  end(): void;
}

export class ConnectionGate {
  readonly #limits: GateLimits;
  readonly #refusals: RefusalLog;
  readonly #onRefused: (reason: RefusalReason) => void;
  /** From the oldest to the newest. */
  readonly #strangers = new Set<Stranger>();
  #admitted = 0;

  /** @param onRefused called for each connection that is closed */
  constructor(limits: GateLimits, refusals: RefusalLog, onRefused: (reason: RefusalReason) => void = () => undefined) {
    this.#limits = limits;
    this.#refusals = refusals;
    this.#onRefused = onRefused;
  }

  /** @param close ends the connection at once; may call {@link Visit.end} */
  enter(address: string, close: () => void): Visit {
    if (this.#strangers.size >= this.#limits.mostStrangers) this.#makeRoom();
    const stranger: Stranger = { address, close, timer: undefined };
    const { strangerSeconds } = this.#limits;
    const late = () => this.#refuse(stranger, 'no-call', `no call that lets it in came within ${strangerSeconds} s`);
    stranger.timer = setTimeout(late, 1000 * strangerSeconds);
    this.#strangers.add(stranger);
    return this.#visitOf(stranger);
  }

  #visitOf(stranger: Stranger): Visit {
    let state: 'stranger' | 'admitted' | 'ended' = 'stranger';
    const forget = () => {
      clearTimeout(stranger.timer);
      this.#strangers.delete(stranger);
    };
    return {
      get isAdmitted() {
        return state === 'admitted';
      },
      admit: () => {
        if (state !== 'stranger') return state === 'admitted';
        if (this.#admitted >= this.#limits.most) {
          this.#refuse(stranger, 'limit', `${this.#limits.most} others are open, the most that there may be`);
          return false;
        }
        forget();
        state = 'admitted';
        this.#admitted++;
        return true;
      },
      handOver: (close) => {
        stranger.close = close;
      },
      end: () => {
        if (state === 'admitted') this.#admitted--;
        else forget();
        state = 'ended';
      },
    };
  }

  /**
   * Closes the oldest stranger of the address with the most strangers, so that a flood closes its own connections
   * first.
   */
  #makeRoom(): void {
    const counts = new Map<string, number>();
    for (const { address } of this.#strangers) counts.set(address, (counts.get(address) ?? 0) + 1);
    const most = Math.max(...counts.values());
    for (const stranger of this.#strangers) {
      if (counts.get(stranger.address) !== most) continue;
      this.#refuse(stranger, 'limit', `${this.#limits.mostStrangers} others had yet to make a call that lets them in`);
      return;
    }
  }

  #refuse(stranger: Stranger, reason: RefusalReason, why: string): void {
    clearTimeout(stranger.timer);
    this.#strangers.delete(stranger);
    this.#refusals.note('connection', why, stranger.address);
    this.#onRefused(reason);
    stranger.close();
  }
}

interface Stranger {
  readonly address: string;
  close: () => void;
  timer: NodeJS.Timeout | undefined;
}
