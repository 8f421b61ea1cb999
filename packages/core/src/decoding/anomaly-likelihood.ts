/**
 * Detects anomalies from the errors of a predictor: computes how unlikely its recent errors are among its past ones.
 * Works on plain numbers of one series; each value is a function of those before it. `forecaster.ts` predicts.
 */

export interface AnomalyLikelihoodConfig {
  /** Number of past errors from which the usual mean and deviation are computed. */
  readonly longWindow: number;
  /** Number of latest errors to average. */
  readonly shortWindow: number;
}

/**
 * Scores anomalies: −log₁₀ of the probability that usual errors average as high as the latest ones. This is the anomaly
 * likelihood of Ahmad et al. (2017), "Unsupervised real-time anomaly detection for streaming data", eq. 4–6, on a
 * logarithmic scale. The usual mean and deviation are those of the long window before the short one. The score is 0
 * until that window has ten errors.
 * @param errors errors of a series in their order, NaN where there was no prediction
 * @param smallestDeviation lower bound for the usual deviation
 * @returns one score for each error, at least 0; 0 where there was no prediction
 */
export function anomalyScores(
  errors: readonly number[],
  { longWindow, shortWindow }: AnomalyLikelihoodConfig,
  smallestDeviation: number,
): number[] {
  const known: number[] = [];
  return errors.map((error) => {
    if (Number.isNaN(error)) return 0;
    known.push(error);
    const recent = known.slice(-shortWindow);
    const usual = known.slice(-shortWindow - longWindow, -shortWindow);
    if (usual.length < leastUsual) return 0;
    const mean = average(usual);
    const deviation = Math.sqrt(average(usual.map((value) => (value - mean) ** 2)));
    return -logTail((average(recent) - mean) / Math.max(deviation, smallestDeviation)) / Math.LN10;
  });
}

const leastUsual = 10;

const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * ln Q(z), the logarithm of the upper tail of the normal distribution, for z ≥ 0; ln ½ for z < 0, where errors are
 * below the mean.
 */
function logTail(z: number): number {
  const x = Math.max(0, z);
  // Abramowitz and Stegun (1964), 26.2.17: Q(x) = φ(x)·(b₁t + … + b₅t⁵) with t = 1/(1 + px).
  const t = 1 / (1 + 0.2316419 * x);
  const series = [1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.31938153].reduce(
    (sum, b) => (sum + b) * t,
    0,
  );
  return -0.5 * x * x - 0.5 * Math.log(2 * Math.PI) + Math.log(series);
}
