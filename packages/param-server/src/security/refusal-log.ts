/**
 * Says what a server has refused, and to whom, without letting a flood fill the log: the first refusal of a kind is told at once,
 * those that follow are counted and told together.
 */

/** The reason of whoever does not bring the token. */
export const tokenMissing = 'it does not bring the token of this run';

/** Between two lines about the same kind. */
const quietSeconds = 600;
/** So many addresses are named. */
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
   * @param say takes lines for the person who runs the training
   * @param count is told of each refusal
   */
  constructor(say: (line: string) => void, count: (thing: RefusedThing) => void = () => undefined) {
    this.#say = say;
    this.#count = count;
  }

  /** @param why one of a few texts, which are the kinds */
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

  /** Says what has not been said yet. */
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
      // While it goes on it is told at the same pace.
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
