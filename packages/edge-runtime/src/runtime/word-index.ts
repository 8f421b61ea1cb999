/** The words of a vocabulary in alphabetical order, so that words with the same prefix are adjacent. */
import type { Tokenizer } from '@unroll/core/text';

interface Entry {
  readonly key: string;
  readonly id: number;
}

/** Words are the tokens with a letter or a digit, except special tokens. */
export class WordIndex {
  readonly #words: readonly Entry[];
  readonly #lowerCase: readonly Entry[];

  constructor(tokenizer: Tokenizer) {
    const ids = Array.from({ length: tokenizer.vocabSize }, (_, id) => id);
    const words = ids
      .filter((id) => id !== tokenizer.eosId && id !== tokenizer.unkId)
      .map((id) => ({ id, key: tokenizer.token(id) }))
      .filter(({ key }) => /[\p{L}\p{N}]/u.test(key));
    this.#words = words.toSorted(byKey);
    this.#lowerCase = words.map(({ id, key }) => ({ id, key: key.toLowerCase() })).sort(byKey);
  }

  /** The ids of the words that begin with `prefix`; if there are none, ignores case. */
  startingWith(prefix: string): number[] {
    const exact = range(this.#words, prefix);
    return exact.length > 0 ? exact : range(this.#lowerCase, prefix.toLowerCase());
  }
}

function range(entries: readonly Entry[], prefix: string): number[] {
  const ids: number[] = [];
  for (let place = lowerBound(entries, prefix); entries[place]?.key.startsWith(prefix); place++) {
    ids.push(entries[place]!.id);
  }
  return ids;
}

/** The index of the first entry that does not come before `key`. */
function lowerBound(entries: readonly Entry[], key: string): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle]!.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function byKey(a: Entry, b: Entry): number {
  return a.key < b.key ? -1 : Number(a.key > b.key);
}
