// Parses a sentence with a grammar. Computes its exact probability and its number of derivations by memoised recursive
// descent (the inside algorithm, top down). The grammar must not be left-recursive.

import type { Grammar } from './grammar.js';

/** The totals over all derivations of a sentence. */
export interface Parse {
  /** The sentence's probability: the sum over its derivations; 0 if it is not a sentence of the grammar. */
  readonly probability: number;
  /** Number of derivations: 1 for every sentence of an unambiguous grammar. */
  readonly derivations: number;
}

const NOTHING: Parse = { probability: 0, derivations: 0 };

/** Parses `words` from the grammar's start symbol. */
export function parseSentence(grammar: Grammar, words: readonly string[]): Parse {
  /** Maps `symbol@start` to the derivations of words[start, end), by end. */
  const memo = new Map<string, ReadonlyMap<number, Parse>>();

  function spans(symbol: string, start: number): ReadonlyMap<number, Parse> {
    const productions = grammar.productions.get(symbol);
    if (productions === undefined) {
      return words[start] === symbol ? new Map([[start + 1, { probability: 1, derivations: 1 }]]) : new Map();
    }
    const key = `${symbol}@${start}`;
    let ends = memo.get(key);
    if (ends === undefined) {
      const found = new Map<number, Parse>();
      for (const { probability, symbols } of productions) {
        for (const [end, parse] of sequence(symbols, start, { probability, derivations: 1 })) add(found, end, parse);
      }
      memo.set(key, found);
      ends = found;
    }
    return ends;
  }

  /** Returns the ends that a sequence of symbols can reach from `start`; every parse is multiplied by `before`. */
  function sequence(symbols: readonly string[], start: number, before: Parse): Map<number, Parse> {
    let reached = new Map([[start, before]]);
    for (const symbol of symbols) {
      const next = new Map<number, Parse>();
      for (const [middle, left] of reached) {
        for (const [end, right] of spans(symbol, middle)) add(next, end, product(left, right));
      }
      reached = next;
    }
    return reached;
  }

  return spans(grammar.start, 0).get(words.length) ?? NOTHING;
}

function product(a: Parse, b: Parse): Parse {
  return { probability: a.probability * b.probability, derivations: a.derivations * b.derivations };
}

function add(ends: Map<number, Parse>, end: number, parse: Parse): void {
  const { probability, derivations } = ends.get(end) ?? NOTHING;
  ends.set(end, {
    probability: probability + parse.probability,
    derivations: derivations + parse.derivations,
  });
}
