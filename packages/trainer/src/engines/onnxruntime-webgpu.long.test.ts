// Every program that engines run gives the same results on WebGPU as on the CPU; @unroll/core's own tests compare the
// CPU with PyTorch.
import { describe, expect, test } from 'vitest';
import { languageModelPrograms, runOnce, taskPrograms } from '../testing/every-program.js';
import { reasonToSkip } from '../testing/gpu.js';
import { largestDifference } from '../testing/training-trace.js';
import { selectEngine } from './select.js';

const reason = await reasonToSkip('webgpu');
if (reason) console.warn(`tests of all programs on ONNX Runtime's WebGPU provider are skipped: ${reason}`);

describe.skipIf(reason)('ONNX Runtime on WebGPU, no node on the CPU, computes as the CPU does', () => {
  test.each(Object.entries({ ...languageModelPrograms(), ...taskPrograms() }))('%s', async (_, program) => {
    const expected = await runOnce(await selectEngine('onnxruntime', 1), program);
    const actual = await runOnce(await selectEngine('webgpu'), program);
    expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
    expect(largestDifference(actual, expected)).toBeLessThan(1e-3);
  });
});
