import { defaultOptimizer } from '@unroll/core';
import { describe, expect, test } from 'vitest';
import { reasonToSkip } from '../testing/gpu.js';
import { largestDifference, trainTinyModel } from '../testing/training-trace.js';
import { selectEngine } from './select.js';

const reason = await reasonToSkip('webgpu');
if (reason) console.warn(`tests of ONNX Runtime's WebGPU provider are skipped: ${reason}`);

// The session is refused if a node of the step is left to the CPU.
describe.skipIf(reason)('ONNX Runtime on WebGPU, no node of the step on the CPU', () => {
  test.each(
    (['rnn', 'lstm', 'gru'] as const).flatMap((cell) =>
      (['sgd', 'adam'] as const).map((name) => [cell, name] as const),
    ),
  )('trains %s by %s as the CPU does', async (cell, name) => {
    const training = { cell, optimizer: defaultOptimizer(name), tieWeights: cell === 'gru' };
    const expected = await trainTinyModel(await selectEngine('onnxruntime', 1), training);
    const actual = await trainTinyModel(await selectEngine('webgpu'), training);
    expect(largestDifference(actual, expected)).toBeLessThan(1e-3);
  });
});
