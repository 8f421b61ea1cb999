import '@tensorflow/tfjs-backend-cpu';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeGolden, torchMissing } from '../testing/golden.js';
import { readOptimizerCases } from '../testing/golden-optimizers.js';
import { expectClose } from '../testing/textbook.js';
import { averagingStart, averagingWeight } from './averaging-start.js';
import { type NaiveParameter, naiveUpdate } from './naive.js';
import { clipScale, optimizerUpdate } from './optimizer.js';
import { defaultOptimizer, optimizerNames, optimizerSlots } from './optimizer-config.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const start = [0.5, -1.25, 0.03125, 2];
const gradients = [
  [0.1, -0.2, 0.3, 0],
  [-0.4, 0.001, 2, 0],
  [0.05, -3, 0.25, 1],
];

describe.each(optimizerNames)('%s', (name) => {
  test('takes the steps of its definition, computed in float64', () => {
    const config = defaultOptimizer(name);
    const names = optimizerSlots(config);
    let expected: NaiveParameter[] = start.map((parameter) => ({
      parameter,
      slots: Object.fromEntries(names.map((slot) => [slot, 0])),
    }));
    let parameter: tf.Tensor = tf.tensor1d(start);
    let slots: Record<string, tf.Tensor> = Object.fromEntries(names.map((slot) => [slot, tf.zerosLike(parameter)]));
    gradients.forEach((gradient, k) => {
      const [rate, step] = [0.1 / (k + 1), k + 1];
      expected = expected.map((element, e) => naiveUpdate(config, element, gradient[e]!, rate, step));
      const inputs = { gradient: tf.tensor1d(gradient), learningRate: tf.scalar(rate), step: tf.scalar(step) };
      ({ parameter, slots } = optimizerUpdate(config, { parameter, slots, ...inputs }));
    });
    expected.forEach((element, e) => {
      expect(parameter.dataSync()[e]).toBeCloseTo(element.parameter, 5);
      for (const slot of names) expect(slots[slot]!.dataSync()[e]).toBeCloseTo(element.slots[slot]!, 5);
    });
  });
});

test('clipping scales gradients down to the norm’s limit, and leaves smaller ones unchanged', () => {
  expect(clipScale(tf.scalar(100), 5).dataSync()[0]).toBeCloseTo(0.5, 6);
  expect(clipScale(tf.scalar(16), 5).dataSync()[0]).toBe(1);
  expect(clipScale(tf.scalar(0), 5).dataSync()[0]).toBe(1);
});

test.each(readOptimizerCases('optimizer'))('$name takes the steps that PyTorch takes', ({ name, ...golden }) => {
  const config = defaultOptimizer(name);
  let parameter: tf.Tensor = tf.tensor1d([...golden.start]);
  let slots: Record<string, tf.Tensor> = Object.fromEntries(
    optimizerSlots(config).map((slot) => [slot, tf.zerosLike(parameter)]),
  );
  golden.gradients.forEach((gradient, k) => {
    const scalars = { learningRate: tf.scalar(golden.rate), step: tf.scalar(k + 1) };
    const weight = tf.scalar(averagingWeight(k, 0)); // ASGD averages from the first step
    const inputs = { parameter, slots, gradient: tf.tensor1d([...gradient]), ...scalars, averagingWeight: weight };
    ({ parameter, slots } = optimizerUpdate(config, inputs));
    golden.steps[k]!.forEach((expected, e) => {
      expect(parameter.dataSync()[e]).toBeCloseTo(expected, 5);
    });
  });
});

test.skipIf(torchMissing)(
  `PyTorch makes the golden steps, rates and smoothed losses again (${torchMissing ?? 'it is here'})`,
  ({ onTestFinished }) => {
    const folder = mkdtempSync(join(tmpdir(), 'unroll-golden-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    makeGolden(folder, 'make_optimizers.py');
    for (const [k, { name, steps }] of readOptimizerCases('optimizer', folder).entries()) {
      const golden = readOptimizerCases('optimizer')[k]!;
      expect(name).toBe(golden.name);
      expectClose(steps.flat(), golden.steps.flat(), 2e-6);
    }
    for (const [k, { rates }] of readOptimizerCases('plateau', folder).entries()) {
      expect(rates).toEqual(readOptimizerCases('plateau')[k]!.rates);
    }
    for (const [k, { losses, gradients }] of readOptimizerCases('smoothing', folder).entries()) {
      const golden = readOptimizerCases('smoothing')[k]!;
      expectClose(losses, golden.losses, 2e-6);
      for (const name of ['features', 'weights', 'bias'] as const) {
        expectClose(gradients[name], golden.gradients[name], 2e-6);
      }
    }
    const counts = (of?: string) =>
      (['optimizer', 'plateau', 'smoothing'] as const).map((kind) => readOptimizerCases(kind, of).length);
    expect(counts(folder)).toEqual(counts());
  },
);

test('averaging starts after the first epoch worse than the best one, leaving out the last few before it', () => {
  const steps = 100;
  expect(averagingStart([], 2, steps)).toBe(Number.POSITIVE_INFINITY);
  expect(averagingStart([9, 8, 7, 6], 2, steps)).toBe(Number.POSITIVE_INFINITY);
  expect(averagingStart([9, 5, 6, 7], 2, steps)).toBe(Number.POSITIVE_INFINITY);
  expect(averagingStart([9, 5, 6, 7, 6], 2, steps)).toBe(500); // above the 5 of an epoch more than two before it
  expect(averagingStart([9, 5, 6, 4, 7, 8], 2, steps)).toBe(500);
  expect([3, 4, 5, 6].map((step) => averagingWeight(step, 4))).toEqual([1, 1, 1 / 2, 1 / 3]);
});
