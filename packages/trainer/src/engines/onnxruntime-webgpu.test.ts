import * as tf from '@tensorflow/tfjs-core';
import { defaultOptimizer, trace } from '@unroll/core';
import { describe, expect, test } from 'vitest';
import { expectCleared } from '../testing/cleared-residents.js';
import { languageModelPrograms, runOnce, taskPrograms } from '../testing/every-program.js';
import { reasonToSkip } from '../testing/gpu.js';
import { largestDifference, trainTinyModel } from '../testing/training-trace.js';
import { createSession } from './onnx-session.js';
import { hasFloat16 } from './onnxruntime-webgpu.js';
import { selectEngine } from './select.js';

const reason = await reasonToSkip('webgpu');
if (reason) console.warn(`tests of ONNX Runtime's WebGPU provider are skipped: ${reason}`);

// ONNX Runtime refuses the session if it would run a node of the step on the CPU.
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

  test.each([
    ['cifg', {}],
    ['mingru', {}],
    ['minlstm', {}],
    ['lstm', { projectionDim: 5 }],
  ] as const)('trains %s %o by sgd as the CPU does', async (cell, options) => {
    const training = { cell, optimizer: { name: 'sgd' }, ...options } as const;
    const expected = await trainTinyModel(await selectEngine('onnxruntime', 1), training);
    const actual = await trainTinyModel(await selectEngine('webgpu'), training);
    expect(largestDifference(actual, expected)).toBeLessThan(1e-3);
  });

  // All other programs are in onnxruntime-webgpu.long.test.ts.
  const { 'evaluation of lstm with an adaptive softmax': adaptive, 'recomputed training': recomputed } =
    languageModelPrograms();
  const { 'training of speech': speech } = taskPrograms();
  test.each(Object.entries({ adaptive, recomputed, speech }))(
    'computes without operators that it lacks: %s',
    async (_, program) => {
      const expected = await runOnce(await selectEngine('onnxruntime', 1), program!);
      const actual = await runOnce(await selectEngine('webgpu'), program!);
      expect(largestDifference(actual, expected)).toBeLessThan(1e-3);
    },
  );

  test('clears what is on the device', async () => {
    await expectCleared(await selectEngine('webgpu'));
  });

  test('names an operator that it lacks', async () => {
    const graph = trace(({ x }) => ({ y: tf.add(tf.slice(x!, [1], [2]), 1) }), { x: { shape: [4], dtype: 'int32' } });
    await expect(createSession(graph, { provider: 'webgpu', threads: 1 })).rejects.toThrow(
      /^ONNX Runtime's webgpu provider has no Slice of int32, which this program needs; use --engine onnxruntime$/,
    );
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

  test.skipIf(float16)('is refused in one line by a GPU without float16, such as SwiftShader', async () => {
    await expect(trainTinyModel(await selectEngine('webgpu'), training)).rejects.toThrow(
      "this GPU has no float16 (WebGPU's shader-f16): leave out --precision mixed",
    );
  });
});
