// The whole workflow on the embedded corpus, whose entropy is known: training comes close to the lowest possible
// perplexity, and a quantized bundle stays there.

import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder, unrollJson } from '../testing/unroll-process.js';

const root = temporaryFolder();
const checkpoint = join(root.path, 'checkpoint');
const grammar = ['--data', 'grammar'];

beforeAll(async () => {
  await unrollJson('train', ...grammar, '--preset', 'tiny', '--epochs', '4', '--out', checkpoint);
});
afterAll(() => root[Symbol.dispose]());

test('training comes within 3 % of the lowest perplexity that any model can reach', async () => {
  const { perplexity, lowestPerplexity } = await unrollJson('eval', '--checkpoint', checkpoint, ...grammar);
  expect(perplexity).toBeGreaterThan(lowestPerplexity as number);
  expect(perplexity).toBeLessThan(1.03 * (lowestPerplexity as number));
});

test('the int8 bundle stays within 1 % of the checkpoint', async () => {
  const out = join(root.path, 'bundle');
  const result = await unrollJson(
    'export',
    '--checkpoint',
    checkpoint,
    '--out',
    out,
    '--quantization',
    'int8',
    ...grammar,
  );
  const { perplexity, float32Perplexity } = result.measured as Record<string, number>;
  const ratio = perplexity! / float32Perplexity!;
  expect(Math.abs(ratio - 1)).toBeLessThan(0.01);
});
