// The exact entropy and length of a grammar's sentences. For an unambiguous grammar, a sentence's entropy is that of its
// derivation, which adds up over the symbols of the derivation (Grenander 1967; Chi 1999, "Statistical Properties of
// Probabilistic Context-Free Grammars", section 3): with m_AB the expected number of symbols B that one A becomes,
//   H(A) = −Σ_r p_r log p_r + Σ_B m_AB H(B),    L(A) = (expected words in A's productions) + Σ_B m_AB L(B).

import type { Grammar, Production } from './grammar.js';

/** The best that any model can reach on sentences of a grammar, one after another, each ended by `<eos>`. */
export interface GrammarEntropy {
  /** The entropy of a sentence, in nats. */
  readonly natsPerSentence: number;
  /** The expected number of tokens of a sentence, its `<eos>` included. */
  readonly tokensPerSentence: number;
  readonly natsPerToken: number;
  readonly bitsPerToken: number;
  /** exp(natsPerToken): no model's expected perplexity is lower. */
  readonly perplexity: number;
}

/** Computes the exact entropy of `grammar`, which must be unambiguous; its sentences must have a finite expected length. */
export function grammarEntropy(grammar: Grammar): GrammarEntropy {
  const symbols = [...grammar.productions.keys()];
  const entropies = totals(grammar, symbols, (productions) =>
    sum(productions, ({ probability }) => -probability * Math.log(probability)),
  );
  const lengths = totals(grammar, symbols, (productions) =>
    sum(productions, (production) => production.probability * countWords(production, grammar)),
  );
  const start = symbols.indexOf(grammar.start);
  const natsPerSentence = entropies[start]!;
  const tokensPerSentence = lengths[start]! + 1;
  const natsPerToken = natsPerSentence / tokensPerSentence;
  return {
    natsPerSentence,
    tokensPerSentence,
    natsPerToken,
    bitsPerToken: natsPerToken / Math.LN2,
    perplexity: Math.exp(natsPerToken),
  };
}

/** Solves x_A = own(A) + Σ_B m_AB x_B for all symbols. */
function totals(
  grammar: Grammar,
  symbols: readonly string[],
  own: (productions: readonly Production[]) => number,
): number[] {
  const equations = symbols.map((symbol) => {
    const productions = grammar.productions.get(symbol)!;
    const row = symbols.map((other) => {
      const expected = sum(productions, (p) => p.probability * p.symbols.filter((s) => s === other).length);
      return (other === symbol ? 1 : 0) - expected;
    });
    return [...row, own(productions)];
  });
  return solve(equations);
}

/**
 * Solves linear equations by Gaussian elimination with partial pivoting. Each row holds one equation's coefficients,
 * then its right side.
 */
function solve(rows: number[][]): number[] {
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    const pivot = largestBelow(rows, column);
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    const pivotRow = rows[column]!;
    for (const row of rows) {
      if (row === pivotRow || row[column] === 0) continue;
      const factor = row[column]! / pivotRow[column]!;
      for (let j = column; j <= size; j++) row[j]! -= factor * pivotRow[j]!;
    }
  }
  return rows.map((row, i) => row[size]! / row[i]!);
}

function largestBelow(rows: readonly number[][], column: number): number {
  let best = column;
  for (let i = column + 1; i < rows.length; i++) {
    if (Math.abs(rows[i]![column]!) > Math.abs(rows[best]![column]!)) best = i;
  }
  return best;
}

function countWords({ symbols }: Production, grammar: Grammar): number {
  return symbols.filter((symbol) => !grammar.productions.has(symbol)).length;
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
