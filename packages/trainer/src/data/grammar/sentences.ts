// Draws sentences from a grammar.

import type { Random } from '@unroll/core/decoding';
import type { Grammar, Production } from './grammar.js';

/** Draws the words of one sentence with the grammar's probabilities. */
export function drawSentence(grammar: Grammar, random: Random): string[] {
  const words: string[] = [];
  const pending = [grammar.start];
  while (pending.length > 0) {
    const symbol = pending.pop()!;
    const alternatives = grammar.productions.get(symbol);
    if (alternatives === undefined) words.push(symbol);
    else pending.push(...choose(alternatives, random).symbols.toReversed());
  }
  return words;
}

function choose(alternatives: readonly Production[], random: Random): Production {
  let remaining = random();
  for (const alternative of alternatives) {
    remaining -= alternative.probability;
    if (remaining < 0) return alternative;
  }
  // Rounding can leave a sliver of 1 beyond the last probability.
  return alternatives.at(-1)!;
}
