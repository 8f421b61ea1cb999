/**
 * What differential privacy the published sums have: Rényi differential privacy of the subsampled Gaussian mechanism, the
 * successor of the moments accountant (Abadi et al. 2016). It computes and knows nothing of updates.
 */

/** One published sum. */
export interface NoisySum {
  /** The chance of a person to be in it: 1 claims nothing from sampling. */
  readonly samplingRate: number;
  /** σ: the noise's standard deviation over the greatest length of one person's update. */
  readonly noiseMultiplier: number;
}

const orders = [...Array.from({ length: 63 }, (_, i) => i + 2), 80, 96, 128, 192, 256, 512];

/**
 * The ε for which all these sums together are (ε, δ)-differentially private, when one person's updates are added or
 * removed. Rényi divergences of the orders add up, and are converted by theorem 21 of Balle et al. (2020), "Hypothesis
 * testing interpretations and Rényi differential privacy":
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

/** Rounds are often alike, and a divergence takes a while. */
function countAlike(sums: Iterable<NoisySum>): Iterable<{ sum: NoisySum; count: number }> {
  const counts = new Map<string, { sum: NoisySum; count: number }>();
  for (const sum of sums) {
    const key = `${sum.samplingRate} ${sum.noiseMultiplier}`;
    counts.set(key, { sum, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return counts.values();
}

/**
 * ρ(α) of one sum for an integer order α: ln A / (α − 1) with A = Σₖ C(α, k)·(1 − q)^(α − k)·qᵏ·exp(k(k − 1)/(2σ²)).
 * Mironov, Talwar and Zhang (2019), "Rényi differential privacy of the sampled Gaussian mechanism", section 3.3.
 */
function renyiDivergence(order: number, q: number, sigma: number): number {
  if (q === 1) return order / (2 * sigma ** 2);
  const terms: number[] = [];
  let logBinomial = 0;
  for (let k = 0; k <= order; k++) {
    terms.push(logBinomial + k * Math.log(q) + (order - k) * Math.log1p(-q) + (k * (k - 1)) / (2 * sigma ** 2));
    logBinomial += Math.log(order - k) - Math.log(k + 1);
  }
  const largest = Math.max(...terms);
  const sum = terms.reduce((sum, term) => sum + Math.exp(term - largest), 0);
  return (largest + Math.log(sum)) / (order - 1);
}
