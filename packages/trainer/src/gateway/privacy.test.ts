// The accountant, compared with published results and with formulas.
import { expect, test } from 'vitest';
import { epsilonOf, type NoisySum } from './privacy.js';

const repeated = (count: number, sum: NoisySum) => Array<NoisySum>(count).fill(sum);

// TensorFlow Privacy's compute_dp_sgd_privacy_test.py: examples, batch, noise, epochs, δ, and ε with the same
// conversion.
test.each([
  [60_000, 150, 1.3, 15, 1e-5, 0.7242234026109595],
  [100_000, 100, 1.0, 30, 1e-7, 1.4154988495444845],
])(
  '%d people, %d at a time, noise %d, %d passes, δ = %d: ε as TensorFlow Privacy has it',
  (people, each, noiseMultiplier, passes, delta, epsilon) => {
    const sums = repeated((passes * people) / each, { samplingRate: each / people, noiseMultiplier });
    expect(epsilonOf(sums, delta)).toBeCloseTo(epsilon, 10);
  },
);

// TensorFlow Privacy's series for fractional orders, from SciPy's log_ndtr, with the orders that are used here.
test.each([
  [0.01, 0.3, 1, 1e-5, 12.058040494101007],
  [0.01, 0.3, 1, 1e-6, 14.038174381730578],
  [0.001, 0.4, 100, 1e-6, 7.902363952391852],
  [0.01, 0.05, 1, 1e-5, 267.23023895572476],
])(
  'with little noise the least is between whole orders: q = %d, σ = %d, %d sums, δ = %d',
  (q, sigma, count, delta, epsilon) => {
    const sums = repeated(count, { samplingRate: q, noiseMultiplier: sigma });
    expect(epsilonOf(sums, delta) / epsilon).toBeCloseTo(1, 10);
  },
);

test('is below the moments accountant’s 1.26 for q = 0.01, σ = 4, δ = 1e-5 and 10000 sums, and near it (Abadi et al. 2016)', () => {
  const epsilon = epsilonOf(repeated(10_000, { samplingRate: 0.01, noiseMultiplier: 4 }), 1e-5);
  expect(epsilon).toBeLessThan(1.26);
  expect(epsilon).toBeGreaterThan(0.95);
});

test('without sampling, one sum is the Gaussian mechanism', () => {
  // min over α of α/(2σ²) + ln((α − 1)/α) − (ln δ + ln α)/(α − 1) at σ = 5, δ = 1e-5: α = 23
  const of = (order: number) =>
    order / 50 + Math.log((order - 1) / order) - (Math.log(1e-5) + Math.log(order)) / (order - 1);
  const least = Math.min(...Array.from({ length: 60 }, (_, i) => of(i + 2)));
  expect(epsilonOf([{ samplingRate: 1, noiseMultiplier: 5 }], 1e-5)).toBeCloseTo(least, 12);
});

test('grows with every sum, falls with noise, and falls when people are sampled', () => {
  const sum = { samplingRate: 0.1, noiseMultiplier: 2 };
  expect(epsilonOf([sum, sum], 1e-5)).toBeGreaterThan(epsilonOf([sum], 1e-5));
  expect(epsilonOf([{ ...sum, noiseMultiplier: 3 }], 1e-5)).toBeLessThan(epsilonOf([sum], 1e-5));
  expect(epsilonOf([{ ...sum, samplingRate: 0.2 }], 1e-5)).toBeGreaterThan(epsilonOf([sum], 1e-5));
});
