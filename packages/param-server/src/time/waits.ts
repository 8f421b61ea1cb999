/**
 * Reports what a process is waiting for: after five seconds, and then every minute. Waiting code registers its waits
 * here, and itself decides what to do about long ones.
 */

/** The seconds after which a wait is reported. */
const firstSeconds = 5;

/** Seconds between two lines about the same wait. */
const againSeconds = 60;

interface Wait {
  /** Worded to follow "waiting for". */
  readonly what: string;
  /** How far the run has come; it does not distinguish waits. */
  readonly where: string;
  /** In seconds. */
  readonly since: number;
}

export class Waits {
  readonly #say: (line: string) => void;
  readonly #now: () => number;
  readonly #waits = new Set<Wait>();
  #said = '';
  #saidAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #state: { readonly key: string; readonly end: () => void } | undefined;

  /** @param now returns the time in seconds from any origin */
  constructor(say: (line: string) => void, now: () => number = () => performance.now() / 1000) {
    this.#say = say;
    this.#now = now;
  }

  /** Registers a wait while the work is pending. @param where how far the run has come, as in `at step 12` */
  async during<Result>(what: string, work: Promise<Result>, where = ''): Promise<Result> {
    const end = this.begin(what, where);
    try {
      return await work;
    } finally {
      end();
    }
  }

  /** Registers the beginning of a wait. Call the returned function when it is over. */
  begin(what: string, where = ''): () => void {
    const wait = { what, where, since: this.#now() };
    this.#waits.add(wait);
    // The timer keeps no process alive, and ends when nobody waits.
    this.#timer ??= setInterval(() => this.look(), 1000).unref();
    return () => void this.#waits.delete(wait);
  }

  /** For callers that poll: sets what is currently being waited for, if anything. */
  observe(wait: { readonly what: string; readonly where: string } | undefined): void {
    const key = wait === undefined ? undefined : `${wait.what} ${wait.where}`;
    if (this.#state?.key === key) return;
    this.#state?.end();
    this.#state = wait && { key: key!, end: this.begin(wait.what, wait.where) };
  }

  /** Reports the waits that are due; called every second while something is waited for. */
  look(): void {
    if (this.#waits.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const now = this.#now();
    const long = [...this.#waits].filter(({ since }) => now - since >= firstSeconds);
    if (long.length === 0) return;
    const what = [...new Set(long.map((wait) => wait.what))].join(' and ');
    if (what === this.#said && now - this.#saidAt < againSeconds) return;
    this.#said = what;
    this.#saidAt = now;
    const { since, where } = long.reduce((oldest, wait) => (wait.since < oldest.since ? wait : oldest));
    this.#say(`waiting for ${what}${where && ` ${where}`}, for ${Math.floor(now - since)} s now`);
  }
}
