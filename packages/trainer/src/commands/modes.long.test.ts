// Every mode on the embedded corpus, whose entropy is known: two workers come close to the lowest perplexity there is.

import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { temporaryFolder, unrollJson } from '../testing/unroll-process.js';

const root = temporaryFolder();
const grammar = ['--data', 'grammar'];
afterAll(() => root[Symbol.dispose]());

test.each([
  { mode: 'sync', settings: [] },
  { mode: 'local', settings: ['--local-steps', '25'] },
])(
  'in mode $mode two workers come within 3 % of the lowest perplexity that any model can reach',
  async ({ mode, settings }) => {
    const checkpoint = join(root.path, mode);
    const cluster = ['--workers', '2', '--servers', '1', '--mode', mode, ...settings];
    await unrollJson('train', ...grammar, '--preset', 'tiny', ...cluster, '--out', checkpoint);
    const { perplexity, lowestPerplexity } = await unrollJson('eval', '--checkpoint', checkpoint, ...grammar);
    expect(perplexity).toBeGreaterThan(lowestPerplexity as number);
    expect(perplexity).toBeLessThan(1.03 * (lowestPerplexity as number));
  },
  900_000,
);
