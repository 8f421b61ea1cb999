/**
 * From the errors of a predictor to anomalies: how unlikely its recent errors are among its past ones, and the threshold that
 * normal data seldom passes. Plain numbers, one series, each value a function of those before it; prediction is
 * `forecaster.ts`'s.
 */

export interface AnomalyLikelihoodConfig {
  /** How many past errors say what is usual. */
  readonly longWindow: number;
  /** How many latest errors are averaged. */
  readonly shortWindow: number;
}

/**
 * −log₁₀ of the probability that errors as usual average as high as the latest ones: the anomaly likelihood of Ahmad et al.
 * (2017), "Unsupervised real-time anomaly detection for streaming data", eq. 4–6, on a logarithmic scale. The usual mean and
 * deviation are those of the long window before the short one, at least ten errors; before that, 0.
 * @param errors of a series in their order, NaN where there was no prediction
 * @param smallestDeviation below which the usual deviation is not believed
 * @returns as many scores, from 0; 0 where there was no prediction
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

/** ln Q(z), the logarithm of the upper tail of the normal distribution, for z ≥ 0; ln ½ for z < 0, where nothing is unusual. */
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
