import { optimizerSlots } from '@unroll/core/config';
import { seededRandom } from '@unroll/core/decoding';
import { expect, test } from 'vitest';
import { areModerate, growsLittle } from '../vectors/bounded-growth.js';
import type { ModelDescription } from '../vectors/model.js';
import { float32Bytes } from '../vectors/shard-vector.js';
import { createOnnxUpdateRule } from './onnx-update-rule.js';
import { sgdUpdateRule } from './sgd-update-rule.js';
import type { UpdateRule } from './update-rule.js';

const length = 70_001;
const ranges = [3, 900, 1000, 68_000, 70_000, length];

test.each([
  ['without clipping', undefined, 7],
  ['clipped', 0.25, 7],
  ['with a gradient too short to be clipped', 5, 0.3],
])('%s, the loop gives the bits of the traced optimizer', async (_, clipNorm, norm) => {
  const model = {
    parameters: [],
    optimizer: { name: 'sgd' as const },
    clipNorm,
    lanes: { count: 1, width: 0 },
    run: '',
  };
  const trained = async (rule: UpdateRule): Promise<Float32Array> => {
    const random = seededRandom(1);
    const uniform = () => Float32Array.from({ length }, () => random() - 0.5);
    const values = { parameters: uniform(), slots: {}, lanes: new Float32Array(0) };
    for (let step = 1; step <= 3; step++) {
      const gradient = { values: uniform(), ranges };
      await rule.apply({
        values,
        gradient,
        learningRate: 0.1 / step,
        sumOfSquares: norm ** 2,
        step,
        isChecked: step === 2,
      });
    }
    return values.parameters;
  };
  const looped = await trained(sgdUpdateRule(clipNorm));
  const traced = await trained(await createOnnxUpdateRule(model, length));
  expect(Buffer.compare(float32Bytes(looped), float32Bytes(traced))).toBe(0);
});

test.each(['sgd', 'adam', 'adagrad'] as const)(
  '%s: a value that would not be finite is named and not written, however large the others are',
  async (name) => {
    const numbers = { sgd: {}, adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, adagrad: { epsilon: 1e-8 } }[name];
    const optimizer = { name, ...numbers } as ModelDescription['optimizer'];
    const model = { parameters: [], optimizer, clipNorm: undefined, lanes: { count: 1, width: 0 }, run: '' };
    const slots = Object.fromEntries(optimizerSlots(optimizer).map((slot) => [slot, new Float32Array(length)]));
    const values = { parameters: new Float32Array(length).fill(3e37), slots, lanes: new Float32Array(0) };
    const rules = [await createOnnxUpdateRule(model, length), ...(name === 'sgd' ? [sgdUpdateRule(undefined)] : [])];
    for (const rule of rules) {
      const gradient = { values: new Float32Array(length), ranges };
      const update = { values, gradient, learningRate: 10, sumOfSquares: 1, step: 1, isChecked: true };
      // The sum of a block overflows float32, but no value does.
      await rule.apply(update);
      gradient.values[68_500] = 1;
      gradient.values[67_000] = -3e38;
      await expect(rule.apply(update)).rejects.toThrow(/would become (Infinity|NaN) at element 67000/);
      for (const each of [values.parameters, ...Object.values(slots)]) expect(each.every(Number.isFinite)).toBe(true);
    }
  },
);

test.each<[ModelDescription['optimizer'], number, number, boolean]>([
  [{ name: 'sgd' }, 1, 1e6, true],
  [{ name: 'sgd' }, 1, 2e6, false],
  [{ name: 'sgd' }, 1e4, 1, false],
  [{ name: 'momentum', momentum: 0.9 }, 1, 1, true],
  [{ name: 'momentum', momentum: 1 }, 1, 1, false],
  [{ name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, 1, 1, true],
  [{ name: 'adam', beta1: 0.9, beta2: 1, epsilon: 1e-8 }, 1, 1, false],
  [{ name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 0 }, 1, 1, false],
  [{ name: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 }, 1, 1, true],
  [{ name: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 10 }, 1, 1, false],
  [{ name: 'adagrad', epsilon: 1e-10 }, 1, 1, true],
  [{ name: 'rmsprop', decay: 0.9, epsilon: 1e-7 }, 1, 1, true],
])('%j at rate %d and gradients of norm %d needs no check: %s', (optimizer, learningRate, norm, expected) => {
  expect(growsLittle(optimizer, learningRate, norm)).toBe(expected);
});

test('values near the end of float32 are found', () => {
  expect(areModerate([Float32Array.of(1e29, -1e29), new Float32Array(0)])).toBe(true);
  expect(areModerate([Float32Array.of(1), Float32Array.of(-2e30)])).toBe(false);
});
