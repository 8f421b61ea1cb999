// Every mode on the embedded corpus, whose entropy is known: workers come close to the lowest possible perplexity.

import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { temporaryFolder, unrollJson } from '../testing/unroll-process.js';

const root = temporaryFolder();
const grammar = ['--data', 'grammar'];
afterAll(() => root[Symbol.dispose]());

// Rounds cost more where a worker's part of the batch is smaller.
test.each([
  { mode: 'sync', settings: ['--workers', '2'], within: 1 },
  { mode: 'local', settings: ['--workers', '2', '--local-steps', '25'], within: 3 },
  { mode: 'local', settings: ['--workers', '2', '--local-steps', '25', '--min-workers', '1'], within: 3 },
  { mode: 'local', settings: ['--workers', '4', '--local-steps', '25', '--backup-workers', '1'], within: 6 },
  { mode: 'ssp', settings: ['--workers', '2', '--staleness', '2'], within: 1 },
  { mode: 'async', settings: ['--workers', '2'], within: 1 },
  { mode: 'sync', settings: ['--workers', '4', '--backup-workers', '1'], within: 1 },
])(
  'in mode $mode with $settings workers come within $within % of the lowest perplexity that any model can reach',
  async ({ mode, settings, within }) => {
    const checkpoint = join(root.path, [mode, ...settings].join());
    const cluster = ['--servers', '1', '--mode', mode, ...settings];
    await unrollJson('train', ...grammar, '--preset', 'tiny', ...cluster, '--out', checkpoint);
    const { perplexity, lowestPerplexity } = await unrollJson('eval', '--checkpoint', checkpoint, ...grammar);
    expect(perplexity).toBeGreaterThan(lowestPerplexity as number);
    expect(perplexity).toBeLessThan((1 + within / 100) * (lowestPerplexity as number));
  },
);
