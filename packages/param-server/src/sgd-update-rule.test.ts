import { seededRandom } from '@unroll/core/decoding';
import { expect, test } from 'vitest';
import { createOnnxUpdateRule } from './onnx-update-rule.js';
import { sgdUpdateRule } from './sgd-update-rule.js';
import { float32Bytes } from './shard-vector.js';
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
      await rule.apply({ values, gradient, learningRate: 0.1 / step, sumOfSquares: norm ** 2, step });
    }
    return values.parameters;
  };
  const looped = await trained(sgdUpdateRule(clipNorm));
  const traced = await trained(await createOnnxUpdateRule(model, length));
  expect(Buffer.compare(float32Bytes(looped), float32Bytes(traced))).toBe(0);
});
