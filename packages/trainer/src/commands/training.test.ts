// Training runs as users start them: alone and with workers, interrupted, resumed and diverging.

import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readResumableCheckpoint } from '../checkpoint/checkpoint.js';
import {
  smallModel,
  startUnroll,
  temporaryFolder,
  unroll,
  unrollJson,
  writeSmallCorpus,
} from '../testing/unroll-process.js';

const root = temporaryFolder();
const corpus = join(root.path, 'corpus');
const at = (name: string) => join(root.path, name);
const train = (out: string, ...flags: string[]) =>
  unrollJson('train', '--data', corpus, '--out', at(out), ...smallModel, ...flags);
const parametersOf = async (out: string) => (await readResumableCheckpoint(at(out))).parameters;

beforeAll(() => void writeSmallCorpus(corpus));
afterAll(() => root[Symbol.dispose]());

/** Returns the largest difference between two sets of parameters. */
function distance(a: Record<string, Float32Array>, b: Record<string, Float32Array>): number {
  expect(Object.keys(b)).toEqual(Object.keys(a));
  return Object.entries(a).reduce(
    (largest, [name, values]) =>
      values.reduce((most, value, k) => Math.max(most, Math.abs(value - b[name]![k]!)), largest),
    0,
  );
}

const alone: string[] = [];
const twoWorkers = ['--workers', '2', '--servers', '1'];

describe.each([
  ['alone', alone],
  ['with 2 workers', twoWorkers],
])('training %s', (place, cluster) => {
  const name = (run: string) => `${run} ${place}`;

  test('for two epochs at once or with a pause between them gives the same parameters, bit for bit', async () => {
    await train(name('at once'), '--epochs', '2', ...cluster);
    await train(name('paused'), '--epochs', '1', ...cluster);
    const resumed = await train(name('paused'), '--epochs', '2', '--resume', ...cluster);
    expect(resumed.steps).toBe(40);
    expect(await parametersOf(name('paused'))).toEqual(await parametersOf(name('at once')));
  });

  test('ends on Ctrl-C with status 130 and a checkpoint within an epoch; --resume goes on to the same bits', async () => {
    const out = at(name('interrupted'));
    const flags = ['train', '--data', corpus, '--out', out, ...smallModel, ...cluster, '--epochs', '100000'];
    const { child, logged, outcome } = startUnroll(...flags);
    await logged(/^epoch 2\//m);
    child.kill('SIGINT');
    const { status, stdout, stderr } = await outcome;
    expect({ status, stdout }).toEqual({ status: 130, stdout: '' });
    expect(stderr).toContain(
      'interrupted: ends after this step, and writes a checkpoint; a second Ctrl-C stops at once',
    );
    expect(stderr.match(/^unroll: .*$/gm)).toEqual([
      expect.stringMatching(/^unroll: interrupted; .* holds the model after step \d+: go on with --resume$/),
    ]);
    await unrollJson('eval', '--checkpoint', out, '--data', corpus);
    const { step } = JSON.parse(readFileSync(join(out, 'training-state.json'), 'utf8'));
    const lastStep = String(step + 3);
    const resumed = await unrollJson(...flags, '--resume', '--max-steps', lastStep);
    expect(resumed.steps).toBe(step + 3);
    await train(name('uninterrupted'), '--epochs', '100000', '--max-steps', lastStep, ...cluster);
    expect(await parametersOf(name('interrupted'))).toEqual(await parametersOf(name('uninterrupted')));
    expect(readdirSync(root.path).filter((entry) => /\.(saved|unroll)/.test(entry))).toEqual([]);
  });

  test('that diverges ends with one line that says what to lower, and writes no checkpoint of it', async () => {
    const out = at(name('diverged'));
    const { status, stdout, stderr } = await unroll(
      ...['train', '--data', corpus, '--out', out, ...smallModel, ...cluster, '--learning-rate', '1e30'],
    );
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr.match(/^unroll: .*$/gm)).toEqual([
      expect.stringMatching(/the loss is not a finite number at step \d+: training diverged; lower --learning-rate/),
    ]);
    expect(existsSync(join(out, 'checksums.json'))).toBe(false);
  });
});

test.each(['float32', 'mixed'])(
  'training in %s that stops within an epoch goes on from there to the same parameters, bit for bit',
  async (precision) => {
    const [through, stopped] = [`through-${precision}`, `stopped-${precision}`];
    await train(through, '--precision', precision, '--max-steps', '30');
    await train(stopped, '--precision', precision, '--max-steps', '7');
    await train(stopped, '--precision', precision, '--max-steps', '30', '--resume');
    expect(await parametersOf(stopped)).toEqual(await parametersOf(through));
  },
);

test('2 workers and 2 parameter servers train the model that one process trains, to 1e-5', async () => {
  const flags = ['--max-steps', '20', '--optimizer', 'sgd', '--learning-rate', '1'];
  await train('one', ...flags);
  await train('two', ...flags, '--workers', '2', '--servers', '2');
  expect(distance(await parametersOf('one'), await parametersOf('two'))).toBeLessThan(1e-5);
});

const childrenOf = '/proc/self/task/self/children';
test.skipIf(!existsSync('/proc/self'))('workers and servers do not outlive a launcher that is killed', async () => {
  const flags = ['--data', corpus, '--out', at('killed'), ...smallModel, '--epochs', '500', ...twoWorkers];
  const { child, logged, outcome } = startUnroll('train', ...flags);
  await logged(/parameters, vocabulary/);
  const children = readFileSync(childrenOf.replaceAll('self', String(child.pid)), 'utf8')
    .trim()
    .split(' ');
  expect(children).toHaveLength(3);
  child.kill('SIGKILL');
  await outcome;
  await expect.poll(() => children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
});

test('a checkpoint is neither replaced nor resumed unasked', async () => {
  await train('kept', '--max-steps', '2');
  const args = ['train', '--data', corpus, '--out', at('kept'), '--max-steps', '4'];
  const { status, stderr } = await unroll(...args);
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^unroll: [^\n]*kept: already holds a checkpoint; --resume goes on from it, --overwrite[^\n]*\n$/,
  );
  const other = await unroll(...args, '--resume', '--hidden-dim', '99');
  expect(other.status).toBe(2);
  expect(other.stderr).toBe('unroll: --hidden-dim: the checkpoint was trained with 16; leave it out to resume\n');
});

test('a checkpoint is not resumed on another text unasked', async () => {
  const other = writeSmallCorpus(at('other'));
  appendFileSync(join(other, 'train.txt'), 'a sentence of strangers\n');
  await train('grown', '--max-steps', '2');
  const resume = ['train', '--data', other, '--out', at('grown'), '--max-steps', '4', '--resume'];
  const refused = await unroll(...resume);
  expect(refused).toMatchObject({ status: 1, stdout: '' });
  expect(refused.stderr).toMatch(
    /^unroll: --data: is another training text \(\d+ tokens instead of \d+, 0\.\d % of them unknown to its vocabulary instead of 0\.0 %\) than that of \S+grown; give the same, or --changed-data to go on with these\n$/,
  );
  const { status, stderr } = await unroll(...resume, '--changed-data');
  expect(status).toBe(0);
  expect(stderr).toMatch(/^--data: is another training text /);
});

test('a softmax, too, is not changed by resuming', async () => {
  const resume = async (out: string, softmax: string) =>
    (await unroll('train', '--data', corpus, '--out', at(out), '--resume', '--softmax', softmax)).stderr;
  await train('sampled', '--max-steps', '2', '--softmax', 'sampled:9');
  expect(await resume('sampled', 'full')).toBe(
    'unroll: --softmax: the checkpoint was trained with {"name":"sampled","samples":9}; leave it out to resume\n',
  );
  await train('whole', '--max-steps', '2', '--softmax', 'full');
  expect(await resume('whole', 'sampled:9')).toBe(
    'unroll: --softmax: the checkpoint was trained without; leave it out to resume\n',
  );
});
