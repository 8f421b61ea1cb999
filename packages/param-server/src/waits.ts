/**
 * Says what a process waits for: when that has taken five seconds, and then every minute. Whoever waits says so here; what is done
 * about a wait that takes too long is its own affair.
 */

/** How long a wait is before it is worth a line. */
const firstSeconds = 5;

/** Between two lines about the same. */
const againSeconds = 60;

interface Wait {
  /** In words that follow "waiting for". */
  readonly what: string;
  /** How far the run has come; it makes a wait no other one. */
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

  /** @param now the time in seconds from any origin */
  constructor(say: (line: string) => void, now: () => number = () => performance.now() / 1000) {
    this.#say = say;
    this.#now = now;
  }

  /** Waits for the work. @param where how far the run has come, as in `at step 12` */
  async during<Result>(what: string, work: Promise<Result>, where = ''): Promise<Result> {
    const end = this.begin(what, where);
    try {
      return await work;
    } finally {
      end();
    }
  }

  /** A wait begins. Call what is returned when it is over. */
  begin(what: string, where = ''): () => void {
    const wait = { what, where, since: this.#now() };
    this.#waits.add(wait);
    // It keeps no process alive, and ends when nobody waits.
    this.#timer ??= setInterval(() => this.look(), 1000).unref();
    return () => void this.#waits.delete(wait);
  }

  /** For who learns of waits by looking: what is waited for at this moment, if anything. */
  observe(wait: { readonly what: string; readonly where: string } | undefined): void {
    const key = wait === undefined ? undefined : `${wait.what} ${wait.where}`;
    if (this.#state?.key === key) return;
    this.#state?.end();
    this.#state = wait && { key: key!, end: this.begin(wait.what, wait.where) };
  }

  /** Says what is to be said at this moment; called every second while something is waited for. */
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
