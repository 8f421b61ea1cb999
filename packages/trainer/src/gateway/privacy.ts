/**
 * Computes the differential privacy of the published sums: Rényi differential privacy of the subsampled Gaussian
 * mechanism, the successor of the moments accountant (Abadi et al. 2016). It knows nothing of updates.
 */

/** One published sum. */
export interface NoisySum {
  /** The probability that a person is in it; 1 claims no benefit from sampling. */
  readonly samplingRate: number;
  /** σ: the noise's standard deviation divided by the greatest length of one person's update. */
  readonly noiseMultiplier: number;
}

/**
 * Orders α of the divergences. Any choice gives a valid ε; with little noise the least is found between whole orders.
 */
const fractionalOrders = Array.from({ length: 99 }, (_, i) => 1.1 + i / 10).filter((order) => !Number.isInteger(order));
const orders = [...fractionalOrders, ...Array.from({ length: 63 }, (_, i) => i + 2), 80, 96, 128, 192, 256, 512];

/**
 * Returns the ε for which all these sums together are (ε, δ)-differentially private, when one person's updates are
 * added or removed. Rényi divergences of the orders add up, and are converted by theorem 21 of Balle et al. (2020),
 * "Hypothesis testing interpretations and Rényi differential privacy":
 * ε = ρ(α) + ln((α − 1)/α) − (ln δ + ln α)/(α − 1), the least over the orders α.
 */
export function epsilonOf(sums: Iterable<NoisySum>, delta: number): number {
  const divergences = orders.map(() => 0);
  for (const { sum, count } of countAlike(sums)) {
    for (const [k, order] of orders.entries()) {
      divergences[k]! += count * renyiDivergence(order, sum.samplingRate, sum.noiseMultiplier);
    }
  }
  const epsilons = orders.map((order, k) => {
    const conversion = Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1);
    return divergences[k]! + conversion;
  });
  return Math.max(0, Math.min(...epsilons));
}

/** Groups equal rounds: rounds are often alike, and a divergence takes a while to compute. */
function countAlike(sums: Iterable<NoisySum>): Iterable<{ sum: NoisySum; count: number }> {
  const counts = new Map<string, { sum: NoisySum; count: number }>();
  for (const sum of sums) {
    const key = `${sum.samplingRate} ${sum.noiseMultiplier}`;
    counts.set(key, { sum, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return counts.values();
}

/**
 * Returns ρ(α) of one sum: ln A(α) / (α − 1), A(α) = E[((1 − q) + q·exp((2z − 1)/(2σ²)))^α] for z of N(0, σ²). Mironov,
 * Talwar and Zhang (2019), "Rényi differential privacy of the sampled Gaussian mechanism", section 3.3.
 */
function renyiDivergence(order: number, q: number, sigma: number): number {
  if (q === 1) return order / (2 * sigma ** 2);
  const logA = Number.isInteger(order) ? logMoment(order, q, sigma) : logMomentByQuadrature(order, q, sigma);
  return logA / (order - 1);
}

/** Returns ln A(α) of an integer order: A = Σₖ C(α, k)·(1 − q)^(α − k)·qᵏ·exp(k(k − 1)/(2σ²)). */
function logMoment(order: number, q: number, sigma: number): number {
  const terms: number[] = [];
  let logBinomial = 0;
  for (let k = 0; k <= order; k++) {
    terms.push(logBinomial + k * Math.log(q) + (order - k) * Math.log1p(-q) + (k * (k - 1)) / (2 * sigma ** 2));
    logBinomial += Math.log(order - k) - Math.log(k + 1);
  }
  return logOfSum(terms);
}

/** Below this noise multiplier ε is above 100, and the quadrature takes long. */
const leastForQuadrature = 0.02;

/**
 * Returns ln A(α) of any order, by the trapezoidal rule. The integrand is analytic within πσ² of the real axis, so with
 * this step the error is below that of float64. Infinite if the noise is too small to be worth the computation.
 */
function logMomentByQuadrature(order: number, q: number, sigma: number): number {
  if (sigma < leastForQuadrature) return Number.POSITIVE_INFINITY;
  const step = Math.min(sigma, sigma ** 2) / 4;
  const [from, to] = [-12 * sigma, order + 12 * sigma];
  const [logQ, logRest] = [Math.log(q), Math.log1p(-q)];
  const logDensity = Math.log(step / (sigma * Math.sqrt(2 * Math.PI)));
  const terms = Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => {
    const z = from + i * step;
    const logRatio = logOfSum([logRest, logQ + (2 * z - 1) / (2 * sigma ** 2)]);
    return logDensity - z ** 2 / (2 * sigma ** 2) + order * logRatio;
  });
  return logOfSum(terms);
}

/** Returns ln Σ exp(term). */
function logOfSum(terms: readonly number[]): number {
  const largest = terms.reduce((a, b) => Math.max(a, b));
  return largest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - largest), 0));
}
