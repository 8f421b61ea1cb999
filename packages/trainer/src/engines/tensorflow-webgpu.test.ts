import { defaultOptimizer } from '@unroll/core';
import { describe, expect, test } from 'vitest';
import { reasonToSkip } from '../testing/gpu.js';
import { largestDifference, trainTinyModel } from '../testing/training-trace.js';
import { selectEngine } from './select.js';
import { absentWebGpuPackages } from './tensorflow-webgpu.js';

const absent = absentWebGpuPackages();
const reason = absent.length > 0 ? `${absent.join(' and ')} not installed` : await reasonToSkip('tfjs-webgpu');
if (reason) console.warn(`tests of TensorFlow.js's webgpu backend are skipped: ${reason}`);

describe.skipIf(reason)('TensorFlow.js’s webgpu backend on Dawn', () => {
  test.each([
    ['rnn', 'sgd'],
    ['lstm', 'adam'],
    ['gru', 'momentum'],
  ] as const)('trains %s by %s as ONNX Runtime on the CPU does', async (cell, name) => {
    const training = { cell, optimizer: defaultOptimizer(name), tieWeights: cell === 'gru' };
    const expected = await trainTinyModel(await selectEngine('onnxruntime', 1), training);
    const actual = await trainTinyModel(await selectEngine('tfjs-webgpu'), training);
    expect(largestDifference(actual, expected)).toBeLessThan(1e-3);
  });
});
