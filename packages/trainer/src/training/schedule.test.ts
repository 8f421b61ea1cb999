import { expect, test } from 'vitest';
import { readOptimizerCases } from '../../../core/src/testing/golden-optimizers.js';
import type { TrainingConfig } from '../configuration/config.js';
import { presets } from './language-model/presets.js';
import { averagingWeightAt, learningRateAt } from './schedule.js';

const stepsPerEpoch = 10;
const training = (changes: Partial<TrainingConfig>): TrainingConfig => ({
  ...presets.tiny,
  learningRate: 1,
  epochs: 4,
  ...changes,
});
const rates = (config: TrainingConfig, steps: readonly number[], validation: readonly number[] = []) =>
  steps.map((step) => learningRateAt(config, { step, stepsPerEpoch, validation }));

test('by steps, the rate is constant for some epochs, then falls once an epoch', () => {
  const config = training({ schedule: { name: 'step', constantEpochs: 2, decay: 0.5 } });
  expect(rates(config, [0, 19, 20, 29, 30])).toEqual([1, 1, 0.5, 0.5, 0.25]);
});

test('along a cosine, it falls from the whole to nothing', () => {
  const [first, quarter, half, last] = rates(training({ schedule: { name: 'cosine' } }), [0, 10, 20, 40]);
  expect(first).toBe(1);
  expect(quarter).toBeCloseTo((1 + Math.SQRT1_2) / 2, 12);
  expect(half).toBeCloseTo(0.5, 12);
  expect(last).toBeCloseTo(0, 12);
});

test.each(readOptimizerCases('plateau'))(
  'on a plateau, with patience $patience, it falls where PyTorch’s does',
  (golden) => {
    const { patience, losses } = golden;
    const config = training({ schedule: { name: 'plateau', decay: 0.5, patience }, epochs: 12 });
    const epochs = golden.rates.map((_, epoch) => epoch * stepsPerEpoch);
    expect(rates(config, epochs, losses)).toEqual(golden.rates);
  },
);

test('an epoch’s rate does not depend on what is measured after it', () => {
  const config = training({ schedule: { name: 'plateau', decay: 0.5, patience: 0 } });
  expect(rates(config, [15], [3, 4, 5, 6])).toEqual(rates(config, [15], [3]));
});

test('while warming up, it grows linearly to what the schedule says', () => {
  const config = training({ warmupSteps: 4, schedule: { name: 'cosine' } });
  const whole = training({ schedule: { name: 'cosine' } });
  const steps = [0, 1, 3, 4];
  rates(config, steps).forEach((rate, k) => {
    expect(rate / rates(whole, steps)[k]!).toBeCloseTo([0.25, 0.5, 1, 1][k]!, 12);
  });
});

test('NT-ASGD averages from the epoch on that follows one without progress', () => {
  const config = training({ optimizer: { name: 'nt-asgd', patience: 1 } });
  const weights = (validation: readonly number[]) =>
    [29, 30, 31, 32].map((step) => averagingWeightAt(config, { step, stepsPerEpoch, validation }));
  expect(weights([9, 8, 7])).toEqual([1, 1, 1, 1]);
  expect(weights([7, 8, 9])).toEqual([1, 1, 1 / 2, 1 / 3]);
});
