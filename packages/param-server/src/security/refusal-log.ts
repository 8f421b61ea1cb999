/**
 * Reports refusals of a server without letting a flood fill the log. The first refusal of a kind is reported at once;
 * later ones are counted and reported together.
 */

/** The reason for refusing a client without the token. */
export const tokenMissing = 'it does not bring the token of this run';

/** Seconds between two lines about the same kind. */
const quietSeconds = 600;
/** The greatest number of addresses that a line names. */
const mostNamed = 5;

export type RefusedThing = 'connection' | 'call';

interface Refused {
  readonly thing: string;
  readonly why: string;
  count: number;
  readonly addresses: Set<string>;
}

export class RefusalLog {
  readonly #say: (line: string) => void;
  readonly #count: (thing: RefusedThing) => void;
  readonly #kinds = new Map<string, Refused>();
  readonly #timers = new Set<NodeJS.Timeout>();

  /**
   * @param say receives lines for the person who runs the training
   * @param count called for each refusal
   */
  constructor(say: (line: string) => void, count: (thing: RefusedThing) => void = () => undefined) {
    this.#say = say;
    this.#count = count;
  }

  /** @param why one of a few fixed texts; each text is a kind */
  note(thing: RefusedThing, why: string, address: string): void {
    this.#count(thing);
    const refused = this.#kinds.get(why);
    if (!refused) {
      this.#say(`refused a ${thing} from ${address}: ${why}`);
      this.#begin({ thing, why, count: 0, addresses: new Set() });
      return;
    }
    refused.count++;
    if (refused.addresses.size <= mostNamed) refused.addresses.add(address);
  }

  /** Reports the refusals that have not been reported yet. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const refused of this.#kinds.values()) this.#tell(refused);
    this.#kinds.clear();
  }

  #begin(refused: Refused): void {
    this.#kinds.set(refused.why, refused);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#kinds.delete(refused.why);
      // While refusals continue, report them at the same pace.
      if (refused.count > 0) this.#begin({ ...refused, count: 0, addresses: new Set() });
      this.#tell(refused);
    }, 1000 * quietSeconds).unref();
    this.#timers.add(timer);
  }

  #tell({ thing, why, count, addresses }: Refused): void {
    if (count === 0) return;
    const named = [...addresses].slice(0, mostNamed).join(', ');
    const others = addresses.size > mostNamed ? ' and others' : '';
    this.#say(`refused ${count} more ${thing}${count === 1 ? '' : 's'} from ${named}${others}: ${why}`);
  }
}
