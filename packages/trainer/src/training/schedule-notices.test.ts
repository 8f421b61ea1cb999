import { expect, test } from 'vitest';
import { presets } from './language-model/presets.js';
import { scheduleNotices } from './schedule-notices.js';

const stepsPerEpoch = 10;
const training = { ...presets.tiny, learningRate: 1, epochs: 4 };
const cosine = { ...training, schedule: { name: 'cosine' as const } };
const at = (before: typeof cosine, step: number) => ({
  ...{ training: before, step, tokens: 0, trainPerplexity: 1, validPerplexity: 1, validation: [] },
});

test('a warm-up that ends after the run gives a notice with the rate that is reached', () => {
  const warmed = (warmupSteps: number, maxSteps?: number) =>
    scheduleNotices({ ...training, warmupSteps, maxSteps }, stepsPerEpoch, undefined);
  expect(warmed(40)).toEqual([]);
  expect(warmed(100)).toEqual([
    '--warmup-steps: the run ends after 40 of the 100 steps in which the learning rate grows: it reaches at most 0.4 of 1; give fewer',
  ]);
  expect(warmed(40, 20)).toEqual([expect.stringContaining('ends after 20 of the 40 steps')]);
});

test('a cosine schedule that is resumed with other epochs gives a notice with both rates', () => {
  expect(scheduleNotices({ ...cosine, epochs: 8 }, stepsPerEpoch, at(cosine, 39))).toEqual([
    '--epochs: the cosine schedule now ends after 8 epochs instead of 4: the learning rate goes on from 0.52 instead of 0.0015',
  ]);
  expect(scheduleNotices(cosine, stepsPerEpoch, at(cosine, 39))).toEqual([]);
  expect(scheduleNotices({ ...training, epochs: 8 }, stepsPerEpoch, at(cosine, 39))).toEqual([]);
});
