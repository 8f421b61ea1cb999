// Every gradient codec on the embedded corpus, whose entropy is known: workers come close to the lowest possible
// perplexity.

import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { temporaryFolder, unrollJson } from '../testing/unroll-process.js';

const root = temporaryFolder();
const grammar = ['--data', 'grammar'];
/** At snapshots, codecs drop their held-back values: few for int8, many for codecs of low density or rank. */
const noSnapshots = ['--snapshot-every', '0'];
/** Replaces Adam, which cannot be combined with top-k. */
const momentum = ['--optimizer', 'momentum', '--learning-rate', '0.5'];
afterAll(() => root[Symbol.dispose]());

test.each([
  { codec: 'bfloat16', settings: [] },
  { codec: 'int8', settings: [] },
  { codec: 'power-sgd', settings: noSnapshots },
  { codec: 'top-k:0.01', settings: [...noSnapshots, ...momentum] },
])(
  'with gradients in $codec workers come within 3 % of the lowest perplexity that any model can reach',
  async ({ codec, settings }) => {
    const checkpoint = join(root.path, codec);
    const cluster = ['--workers', '2', '--servers', '1', '--gradient-codec', codec];
    await unrollJson('train', ...grammar, '--preset', 'tiny', ...cluster, ...settings, '--out', checkpoint);
    const { perplexity, lowestPerplexity } = await unrollJson('eval', '--checkpoint', checkpoint, ...grammar);
    expect(perplexity).toBeGreaterThan(lowestPerplexity as number);
    expect(perplexity).toBeLessThan(1.03 * (lowestPerplexity as number));
  },
);
