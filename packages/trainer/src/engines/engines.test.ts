import { expect, test } from 'vitest';
import { largestDifference, trainTinyModel } from '../testing/training-trace.js';
import { selectEngine } from './select.js';

const training = { cell: 'lstm', optimizer: { name: 'momentum', momentum: 0.9 } } as const;

test.each(['cpu', 'wasm'] as const)('the %s engine trains as ONNX Runtime does', async (name) => {
  const expected = await trainTinyModel(await selectEngine('onnxruntime', 1), training);
  const actual = await trainTinyModel(await selectEngine(name, 1), training);
  expect(largestDifference(actual, expected)).toBeLessThan(1e-5);
});
