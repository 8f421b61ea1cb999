import { defaultOptimizer } from '@unroll/core';
import { describe, expect, test } from 'vitest';
import { reasonToSkip } from '../testing/gpu.js';
import { largestDifference, trainTinyModel } from '../testing/training-trace.js';
import { hasFloat16 } from './onnxruntime-webgpu.js';
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

  test('trains on sequences of 20 steps, more parts than a kernel of WebGPU has buffers', async () => {
    const training = { cell: 'lstm', optimizer: { name: 'sgd' }, time: 20 } as const;
    const expected = await trainTinyModel(await selectEngine('onnxruntime', 1), training);
    const actual = await trainTinyModel(await selectEngine('webgpu'), training);
    expect(largestDifference(actual, expected)).toBeLessThan(1e-3);
  });
});

describe.skipIf(reason)('mixed precision on WebGPU', async () => {
  const float16 = !reason && (await hasFloat16());
  const training = { cell: 'lstm', optimizer: { name: 'sgd' }, precision: 'mixed' } as const;

  test.runIf(float16)('trains near what float32 does', async () => {
    const expected = await trainTinyModel(await selectEngine('onnxruntime', 1), { ...training, precision: 'float32' });
    const actual = await trainTinyModel(await selectEngine('webgpu'), training);
    expect(largestDifference(actual, expected)).toBeLessThan(1e-2);
  });

  test.skipIf(float16)('is refused in a line by a GPU without float16, as SwiftShader is', async () => {
    await expect(trainTinyModel(await selectEngine('webgpu'), training)).rejects.toThrow(
      "this GPU has no float16 (WebGPU's shader-f16): leave out --precision mixed",
    );
  });
});
