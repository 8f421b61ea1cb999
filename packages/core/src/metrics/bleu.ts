/**
 * BLEU of a corpus with one reference for each translation (Papineni et al. 2002), computed with sacreBLEU's defaults
 * (Post 2018, "A Call for Clarity in Reporting BLEU Scores"): mteval's 13a tokenization, case kept, n-grams up to 4.
 * N-gram orders without a match are smoothed exponentially (`nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp`).
 */

export interface Bleu {
  /** From 0 to 100. */
  readonly score: number;
  /** Smoothed precisions of 1- to 4-grams, in percent. */
  readonly precisions: readonly number[];
  readonly brevityPenalty: number;
  readonly hypothesisLength: number;
  readonly referenceLength: number;
}

const longestNgram = 4;

/**
 * Computes the BLEU of translations, each with one reference.
 * @throws RangeError if the numbers of translations and references differ, or there are none
 */
export function corpusBleu(hypotheses: readonly string[], references: readonly string[]): Bleu {
  if (hypotheses.length !== references.length || hypotheses.length === 0) {
    throw new RangeError(`${hypotheses.length} translations and ${references.length} references: give one for each`);
  }
  const matches = new Array<number>(longestNgram).fill(0);
  const totals = new Array<number>(longestNgram).fill(0);
  let hypothesisLength = 0;
  let referenceLength = 0;
  hypotheses.forEach((hypothesis, k) => {
    const written = tokenize13a(hypothesis);
    const expected = tokenize13a(references[k]!);
    hypothesisLength += written.length;
    referenceLength += expected.length;
    for (let n = 1; n <= longestNgram; n++) {
      const found = ngramCounts(written, n);
      const wanted = ngramCounts(expected, n);
      for (const [ngram, count] of found) matches[n - 1]! += Math.min(count, wanted.get(ngram) ?? 0);
      totals[n - 1]! += Math.max(0, written.length - n + 1);
    }
  });
  const hasMatch = matches.some((count) => count > 0);
  const precisions = hasMatch ? smoothedPrecisions(matches, totals) : new Array<number>(longestNgram).fill(0);
  // For an empty translation the penalty is exp(−∞) = 0; for a precision of zero the logarithm is −∞. Either makes the
  // score zero.
  const brevityPenalty = Math.min(1, Math.exp(1 - referenceLength / hypothesisLength));
  const logMean = precisions.reduce((sum, precision) => sum + Math.log(precision), 0) / longestNgram;
  const score = brevityPenalty * Math.exp(logMean);
  return { score, precisions, brevityPenalty, hypothesisLength, referenceLength };
}

/** Chen and Cherry (2014), method 3: the k-th n-gram order without a match counts as 1/2ᵏ of a match. */
function smoothedPrecisions(matches: readonly number[], totals: readonly number[]): number[] {
  let divisor = 1;
  return matches.map((count, k) => {
    const total = totals[k]!;
    if (total === 0) return 0;
    if (count > 0) return (100 * count) / total;
    divisor *= 2;
    return 100 / (divisor * total);
  });
}

function ngramCounts(tokens: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let k = 0; k + n <= tokens.length; k++) {
    const ngram = tokens.slice(k, k + n).join(' ');
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  return counts;
}

/**
 * Splits a line into the tokens of mteval-v13a. Entities are resolved and punctuation is separated, except periods and
 * commas within numbers and dashes that no digit precedes.
 */
export function tokenize13a(line: string): string[] {
  const text = line
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  return ` ${text} `
    .replace(/([{-~[-` -&(-+:-@/])/g, ' $1 ')
    .replace(/([^0-9])([.,])/g, '$1 $2 ')
    .replace(/([.,])([^0-9])/g, ' $1 $2')
    .replace(/([0-9])(-)/g, '$1 $2 ')
    .split(/\s+/)
    .filter((token) => token !== '');
}
