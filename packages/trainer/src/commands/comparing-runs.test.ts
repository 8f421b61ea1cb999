// Runs leave a record, which is compared, swept and repeated by the commands as users type them.
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findChromium } from '../../../../scripts/chromium.mjs';
import { readCheckpoint } from '../checkpoint/checkpoint.js';
import { showRuns } from '../dashboard/show-runs.js';
import { parseMetrics, readMetrics } from '../runs/metrics.js';
import { MetricsFile } from '../runs/metrics-file.js';
import { planOf } from '../sweep/plan.js';
import { smallModel, temporaryFolder, unroll, unrollJson, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const corpus = join(root.path, 'corpus');
const sweep = join(root.path, 'sweep');
const [slow, fast] = [join(sweep, '0-learning-rate=0.001'), join(sweep, '1-learning-rate=0.01')];
const flags = ['--data', corpus, ...smallModel, '--max-steps', '3'];
const rates = ['--out', sweep, '--grid', 'learning-rate=0.001,0.01'];

beforeAll(async () => {
  writeSmallCorpus(corpus);
  const { runs } = await unrollJson('sweep', ...flags, ...rates);
  expect(runs).toMatchObject([{ state: 'finished' }, { state: 'finished' }]);
});
afterAll(() => root[Symbol.dispose]());

test('a run writes a line for its start, each step, its evaluation and its end', () => {
  const lines = readMetrics(slow).filter(({ type }) => type !== 'process');
  expect(lines.map(({ type, step }) => [type, step])).toEqual([
    ...[
      ['start', 0],
      ['step', 1],
      ['step', 2],
      ['step', 3],
    ],
    ...[
      ['evaluation', 3],
      ['end', 3],
    ],
  ]);
  expect(lines[1]).toMatchObject({ epoch: 1, loss: expect.any(Number), learningRate: 0.001, count: 80 });
});

test('a sweep that is started again repeats no finished run, and goes on with one that was killed', async () => {
  const weights = readFileSync(join(fast, 'model.safetensors'));
  // The end of a run that was killed while it wrote a line.
  const path = join(slow, 'metrics.jsonl');
  const kept = readFileSync(path, 'utf8').split('\n').slice(0, 3).join('\n');
  for (const name of readdirSync(slow)) {
    if (!['metrics.jsonl', 'run.json'].includes(name)) rmSync(join(slow, name), { recursive: true });
  }
  writeFileSync(path, `${kept}\n{"type":"step","ti`);
  const { status, stderr } = await unroll('sweep', ...flags, ...rates);
  expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.stringContaining('was finished before') });
  expect(readFileSync(join(fast, 'model.safetensors'))).toEqual(weights);
  expect(readMetrics(slow).at(-1)).toMatchObject({ type: 'end', step: 3, state: 'finished' });
});

test('the runs are a table of what differs, sorted and filtered, and a picture', async () => {
  const picture = join(root.path, 'rates.svg');
  const { stdout } = await unroll('runs', sweep, '--sort', 'learning-rate', '--descending', '--plot', picture);
  const [heading, first, second] = stdout.split('\n').map((line) => line.split(/ {2,}/));
  expect(heading).toEqual([
    'run',
    'state',
    'step',
    'best perplexity',
    'latest perplexity',
    'loss',
    'time',
    'learning-rate',
  ]);
  expect([first, second]).toMatchObject([
    { 0: fast, 7: '0.01' },
    { 0: slow, 7: '0.001' },
  ]);
  expect(readFileSync(picture, 'utf8')).toMatch(/^<svg .*Validation perplexity.*<\/svg>\n$/s);
  const { runs } = await unrollJson('runs', sweep, '--filter', 'learning-rate<0.005');
  expect(runs).toMatchObject([{ run: slow, 'batch-size': 8, steps: 3 }]);
});

const executablePath = await findChromium();

test.skipIf(!executablePath)('a page overlays the finished runs of a folder, and works by keyboard', async () => {
  await using browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'], timeout: 0 });
  const server = await showRuns([sweep], { host: '127.0.0.1', port: 0 });
  const page = await browser.newPage({ viewport: { width: 360, height: 800 }, colorScheme: 'dark' });
  // The test's own time limit ends a hang.
  page.setDefaultTimeout(0);
  await page.goto(server.url);
  await page.getByRole('status').filter({ hasText: '2 runs' }).waitFor();
  const chart = (name: RegExp) => page.getByRole('img', { name });
  await chart(/^Training loss: 0-learning-rate=0.001 [\d.]+, 1-learning-rate=0.01 [\d.]+ nats per token/).waitFor();
  await page.getByRole('heading', { name: slow }).waitFor();

  await page.getByRole('checkbox', { name: 'Draw 0-learning-rate=0.001' }).press('Space');
  await chart(/^Training loss: 1-learning-rate=0.01 [\d.]+ nats per token/).waitFor();
  await page.getByRole('button', { name: '1-learning-rate=0.01' }).press('Enter');
  await page.getByRole('heading', { name: fast }).waitFor();
  const setting = page.locator('#settings div').filter({ hasText: 'learning-rate' });
  await setting.getByText('0.01', { exact: true }).waitFor();

  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
  expect(violations.map(({ id }) => id)).toEqual([]);
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
  await server.close();
});

test('the command in the model card repeats the run, bit for bit', async () => {
  const card = readFileSync(join(fast, 'README.md'), 'utf8');
  expect(card).toContain('![Training loss and validation over the steps](curves.svg)');
  expect(existsSync(join(fast, 'curves.svg'))).toBe(true);
  const [, line] = /```sh\nunroll (.*)\n```/.exec(card)!;
  expect(await unroll(...line!.split(' '))).toMatchObject({ status: 0 });
  expect((await readCheckpoint(`${fast}-again`)).parameters).toEqual((await readCheckpoint(fast)).parameters);
});

test.each([
  [['runs', corpus], 'holds no run', 1],
  [['runs', sweep, '--sort', 'colour'], "no run has the field 'colour'", 2],
  [['runs', sweep, '--filter', 'colour'], 'is no condition', 2],
  [['sweep', ...flags, '--out', sweep, '--grid', 'colour=red'], 'colour is no option', 2],
  [['sweep', ...flags, '--out', sweep, '--grid', 'hidden-dim=many'], 'It must be a positive integer', 2],
  [['sweep', ...flags, ...rates, '--index', '2'], '--index: 2 is not below the 2 runs', 2],
  [['sweep', ...flags, '--out', sweep, '--grid', 'learning-rate=0.1'], 'holds another sweep', 1],
])('%j is refused with a line', async (args, reason, status) => {
  const outcome = await unroll(...args);
  expect(outcome).toMatchObject({ status, stderr: expect.stringContaining(reason) });
  expect(outcome.stderr).not.toContain('\n    at ');
});

test('a resumed run drops the lines after its step, and a line that was cut off', () => {
  const folder = join(root.path, 'metrics');
  mkdirSync(folder);
  const end = { type: 'end', state: 'finished' } as const;
  {
    using file = new MetricsFile(folder, 0);
    for (const step of [1, 2, 3]) file.add({ ...end, step });
  }
  appendFileSync(join(folder, 'metrics.jsonl'), '{"type":"end","st');
  {
    using file = new MetricsFile(folder, 2);
    file.add({ ...end, step: 4 });
  }
  expect(readMetrics(folder).map(({ step }) => step)).toEqual([1, 2, 4]);
});

test.each([
  ['{"type":"end"\n', 'a file, line 1: is not JSON'],
  ['{"type":"end","time":1,"step":-1,"state":"finished"}\n', 'a file, line 1: step'],
  ['{"type":"beginning"}\n', 'a file, line 1: type'],
])('metrics of %j are told by their line', (text, reason) => {
  expect(() => parseMetrics(text, 'a file')).toThrow(reason);
});

test('random draws lie in their range, and are the same each time', () => {
  const space = {
    grid: ['cell=lstm,gru'],
    random: ['hidden-dim=uniform:8..16', 'learning-rate=loguniform:0.001..0.1'],
  };
  const kindOf = (flag: string) => (flag === '--hidden-dim' ? 'integer' : 'other') as 'integer' | 'other';
  const plan = planOf({ ...space, trials: 20, seed: 1, kindOf });
  expect(plan).toHaveLength(40);
  expect(planOf({ ...space, trials: 20, seed: 1, kindOf })).toEqual(plan);
  for (const { words } of plan) {
    const { '--hidden-dim': hidden, '--learning-rate': rate } = Object.fromEntries(
      [0, 2, 4].map((k) => [words[k], Number(words[k + 1])]),
    );
    expect(Number.isInteger(hidden) && hidden! >= 8 && hidden! <= 16).toBe(true);
    expect(rate! >= 0.001 && rate! <= 0.1).toBe(true);
  }
});
