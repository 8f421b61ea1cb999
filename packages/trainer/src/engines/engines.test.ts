import { describe, expect, test } from 'vitest';
import { expectCleared } from '../testing/cleared-residents.js';
import { largestDifference, trainTinyModel } from '../testing/training-trace.js';
import { selectEngine } from './select.js';

const training = { cell: 'lstm', optimizer: { name: 'momentum', momentum: 0.9 } } as const;

test.each(['cpu', 'wasm'] as const)('the %s engine trains as ONNX Runtime does', async (name) => {
  const expected = await trainTinyModel(await selectEngine('onnxruntime', 1), training);
  const actual = await trainTinyModel(await selectEngine(name, 1), training);
  expect(largestDifference(actual, expected)).toBeLessThan(1e-5);
});

test('another number of threads changes no more than rounding, the same number no bit', async () => {
  const long = { ...training, time: 100 };
  const expected = await trainTinyModel(await selectEngine('onnxruntime', 2), long);
  expect(await trainTinyModel(await selectEngine('onnxruntime', 2), long)).toEqual(expected);
  const alone = await trainTinyModel(await selectEngine('onnxruntime', 1), long);
  expect(largestDifference(alone, expected)).toBeLessThan(1e-5);
});

test.each(['onnxruntime', 'cpu', 'wasm'] as const)(
  'residents of the %s engine are cleared where they are',
  async (name) => {
    await expectCleared(await selectEngine(name, 1));
  },
);

describe('with and without CUDA', () => {
  const none = () => undefined;
  const missing = () => ({ missing: 'libraries', detail: '/lib has no libonnxruntime_providers_cuda.so' }) as const;

  test('auto is CUDA if nothing prevents it, otherwise the CPU', async () => {
    expect((await selectEngine('auto', 3, none)).description).toBe('onnxruntime (cuda)');
    expect((await selectEngine('auto', 3, missing)).description).toBe('onnxruntime (cpu, 3 threads)');
  });

  test('cuda is CUDA or an error that says what is missing, onnxruntime always the CPU', async () => {
    expect((await selectEngine('cuda', 3, none)).description).toBe('onnxruntime (cuda)');
    await expect(selectEngine('cuda', 3, missing)).rejects.toThrow(
      "/lib has no libonnxruntime_providers_cuda.so; run 'unroll doctor' for how to get CUDA",
    );
    expect((await selectEngine('onnxruntime', 3, none)).description).toBe('onnxruntime (cpu, 3 threads)');
  });
});
