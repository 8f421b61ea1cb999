// Log-probabilities from a model's scores, in float64 whatever the type of the scores.

/**
 * log p_i = x_i − m − log Σ_j exp(x_j − m), where m is the largest x, so that nothing overflows. A score of −∞ marks an
 * impossible token.
 *
 * @param logits scores, `[vocabulary]`
 * @returns natural logarithms, `[vocabulary]`
 * @throws RangeError if there is no score, one is NaN or +∞, or all are −∞
 */
export function logSoftmax(logits: ArrayLike<number>): Float64Array {
  const largest = logits[likeliest(logits)]!;
  const logProbabilities = new Float64Array(logits.length);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    logProbabilities[i] = logits[i]! - largest;
    sum += Math.exp(logProbabilities[i]!);
  }
  // Subtracting `largest + log(sum)` in one step would lose digits of log(sum) where `largest` is large.
  const logSum = Math.log(sum);
  for (let i = 0; i < logits.length; i++) logProbabilities[i]! -= logSum;
  return logProbabilities;
}

/**
 * The token with the largest score; among equals, the smaller id.
 *
 * @throws RangeError as `logSoftmax` does
 */
export function likeliest(logits: ArrayLike<number>): number {
  let best = 0;
  for (let i = 0; i < logits.length; i++) {
    const score = logits[i]!;
    if (Number.isNaN(score)) throw new RangeError(`logits[${i}] is NaN; did the model's parameters diverge?`);
    if (score > logits[best]!) best = i;
  }
  if (!Number.isFinite(logits[best])) {
    const largest = logits[best] ?? Number.NEGATIVE_INFINITY;
    throw new RangeError(`the largest of ${logits.length} logits is ${largest}; at least one finite score is needed`);
  }
  return best;
}
