// Workers in every mode and with every gradient codec come close to the lowest possible perplexity, on the embedded corpus,
// whose entropy is known. All combinations take half an hour; without UNROLL_CONVERGENCE=all, the two run that differ most
// from a single process.
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { temporaryFolder, unrollJson } from '../testing/unroll-process.js';

const root = temporaryFolder();
afterAll(() => root[Symbol.dispose]());

const grammar = ['--data', 'grammar'];
/** At snapshots, codecs drop their held-back values: few for int8, many for codecs of low density or rank. */
const noSnapshots = ['--snapshot-every', '0'];
/** Replaces Adam, which cannot be combined with top-k. */
const momentum = ['--optimizer', 'momentum', '--learning-rate', '0.5'];

interface Combination {
  readonly workers?: number;
  readonly flags: readonly string[];
  /** The most that the perplexity may lie above the lowest one, in percent. */
  readonly within: number;
}

const always: readonly Combination[] = [
  { flags: ['--mode', 'ssp', '--staleness', '2'], within: 1 },
  { flags: ['--gradient-codec', 'top-k:0.01', ...noSnapshots, ...momentum], within: 3 },
];

// Rounds cost more where a worker's part of the batch is smaller.
const others: readonly Combination[] = [
  { flags: ['--mode', 'sync'], within: 1 },
  { flags: ['--mode', 'sync', '--backup-workers', '1'], workers: 4, within: 1 },
  { flags: ['--mode', 'async'], within: 1 },
  { flags: ['--mode', 'local', '--local-steps', '25'], within: 3 },
  { flags: ['--mode', 'local', '--local-steps', '25', '--min-workers', '1'], within: 3 },
  { flags: ['--mode', 'local', '--local-steps', '25', '--backup-workers', '1'], workers: 4, within: 6 },
  { flags: ['--gradient-codec', 'bfloat16'], within: 3 },
  { flags: ['--gradient-codec', 'int8'], within: 3 },
  { flags: ['--gradient-codec', 'power-sgd', ...noSnapshots], within: 3 },
];

test.each([...always, ...(process.env.UNROLL_CONVERGENCE === 'all' ? others : [])])(
  'workers with $flags come within $within % of the lowest perplexity that any model can reach',
  async ({ workers = 2, flags, within }) => {
    const checkpoint = join(root.path, flags.join());
    const cluster = ['--servers', '1', '--workers', String(workers)];
    await unrollJson('train', ...grammar, '--preset', 'tiny', ...cluster, ...flags, '--out', checkpoint);
    const { perplexity, lowestPerplexity } = await unrollJson('eval', '--checkpoint', checkpoint, ...grammar);
    expect(perplexity).toBeGreaterThan(lowestPerplexity as number);
    expect(perplexity).toBeLessThan((1 + within / 100) * (lowestPerplexity as number));
  },
);
