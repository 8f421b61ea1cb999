// The page of a run in a real browser, while two real workers train; and the page of a resumed run.
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findChromium } from '../../../../scripts/chromium.mjs';
import { readEvents } from '../testing/read-events.js';
import {
  smallModel,
  startUnroll,
  temporaryFolder,
  type UnrollProcess,
  unroll,
  unrollJson,
  writeSmallCorpus,
} from '../testing/unroll-process.js';
import { tags } from './curves.js';
import { RunObserver } from './run-observer.js';
import { showRuns } from './show-runs.js';

const executablePath = await findChromium();
if (!executablePath) console.warn('browser tests skipped: no Chromium here; run: node scripts/chromium.mjs');

/** Waits for a process's output to match, and returns the first group of the pattern. */
async function saidBy({ child, logged }: UnrollProcess, pattern: RegExp): Promise<string> {
  let said = '';
  child.stderr!.on('data', (text: string) => {
    said += text;
  });
  await logged(pattern);
  return pattern.exec(said)![1]!;
}

const pageOf = (run: UnrollProcess) => saidBy(run, /dashboard: (\S+)/);

describe.skipIf(!executablePath)('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'], timeout: 0 });
  });
  afterAll(() => browser.close());

  test('a page shows the curves and both workers of a run that goes on, and that it was stopped', async () => {
    using folder = temporaryFolder();
    const data = writeSmallCorpus(join(folder.path, 'corpus'));
    const run = startUnroll(
      ...['train', '--data', data, '--out', join(folder.path, 'run'), ...smallModel, '--epochs', '10000'],
      ...['--workers', '2', '--lease', '1', '--dashboard', '0'],
    );
    const url = pageOf(run);
    const page = await browser.newPage();
    // The test's own time limit ends a hang.
    page.setDefaultTimeout(0);
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    await page.goto(await url);

    await page.getByRole('status').filter({ hasText: 'training' }).waitFor();
    const rows = page.locator('#workers tr');
    await rows.nth(1).waitFor();
    expect(await rows.count()).toBe(2);
    for (const word of ['alive', 'compute', 'push', 'wait', 'pull'])
      await rows.filter({ hasText: word }).nth(1).waitFor();
    for (const worker of [0, 1]) {
      const cell = (label: string, says: RegExp) =>
        rows.nth(worker).locator(`[data-label="${label}"]`).filter({ hasText: says }).waitFor();
      await cell('Tokens/s', /^[1-9][\d,]*$/);
      await cell('Sent', /^[1-9][\d,.]* \w+ a step$/);
      await cell('Received', /^[1-9][\d,.]* \w+ a step$/);
      // In sync mode all gradients use the newest parameters.
      await cell('Staleness', /^0$/);
    }
    await page.getByText('answers').waitFor();
    const loss = page.getByRole('img', {
      name: /^Training loss: each step [\d.]+, smoothed [\d.]+ nats per token at step/,
    });
    await loss.waitFor();
    await page.getByRole('img', { name: /^Perplexity: training [\d.]+, validation [\d.]+/ }).waitFor();
    await loss.press('ArrowLeft');
    await loss.locator('.u-value').filter({ hasText: /^\d+$/ }).first().waitFor();

    run.child.kill('SIGINT');
    await page.getByRole('status').filter({ hasText: 'stopped after step' }).waitFor();
    expect(errors).toEqual([]);
    await run.outcome;
    await page.close();
  });
});

test('worker 0 of processes started by hand serves the page, and asks guarded servers how the run goes', async () => {
  using folder = temporaryFolder();
  const data = writeSmallCorpus(join(folder.path, 'corpus'));
  const token = 'a-token-of-enough-characters';
  writeFileSync(join(folder.path, 'token'), token, { mode: 0o600 });
  const guard = ['--token-file', join(folder.path, 'token')];
  const server = startUnroll('param-server', '--port', '0', '--workers', '1', '--lease', '1', ...guard);
  const address = await saidBy(server, /listens on (\S+)/);
  const worker = startUnroll(
    ...['worker', '--data', data, '--out', join(folder.path, 'run'), ...smallModel, '--epochs', '10000', ...guard],
    ...['--worker', '0', '--workers', '1', '--server-addresses', address, '--dashboard', '0'],
  );
  const { body } = await fetch(`${await pageOf(worker)}events`);
  let text = '';
  for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (/"answers":true.*"worker":0,"state":"alive".*"compute":0\.\d/.test(text)) break;
  }
  expect(text).toContain(`"address":"${address}"`);
  expect(text).not.toContain(token);
  worker.child.kill('SIGKILL');
  server.child.kill('SIGTERM');
  await Promise.all([worker.outcome, server.outcome]);
});

test('a resumed run shows, and has recorded, each step once', async () => {
  using folder = temporaryFolder();
  const data = writeSmallCorpus(join(folder.path, 'corpus'));
  const out = join(folder.path, 'run');
  const train = ['train', '--data', data, '--out', out, ...smallModel, '--tensorboard'];
  await unrollJson(...train, '--max-steps', '25');
  await unrollJson(...train, '--max-steps', '30', '--resume');
  const eventFolder = `${out}.tensorboard`;
  const events = readEvents(eventFolder);
  const steps = events.filter(({ values }) => tags.loss in values).map(({ step }) => step);
  expect(steps).toEqual(Array.from({ length: 30 }, (_, k) => k + 1));
  expect(Object.keys(events[0]!.values)).toHaveLength(5);
  expect(events.filter(({ values }) => 'valid/perplexity' in values).map(({ step }) => step)).toEqual([20, 25, 30]);

  const server = await showRuns([out], { host: '127.0.0.1', port: 0 });
  const [run] = (await firstUpdate(server.url)).runs;
  await server.close();
  expect(run).toMatchObject({ state: 'finished', run: { totalSteps: 30, settings: { 'batch-size': 8 } } });
  expect(run!.points.map(([step]) => step)).toEqual(steps);
  expect(run!.validation.map(([step]) => step)).toEqual([20, 25, 30]);
  expect(run!.notices.map(({ line }) => line)).toContain('resumed from step 25');
});

interface SentRun {
  readonly points: number[][];
  readonly validation: number[][];
  readonly notices: { readonly line: string }[];
}

/** Returns the first data that a reader of the page receives. */
async function firstUpdate(url: string): Promise<{ runs: SentRun[] }> {
  const { body } = await fetch(`${url}events`);
  let text = '';
  for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.endsWith('\n\n')) break;
  }
  return JSON.parse(text.replace('data: ', ''));
}

test('the page cannot be changed through, and has no other files', async () => {
  using folder = temporaryFolder();
  const options = { out: join(folder.path, 'run'), page: { host: '127.0.0.1', port: 0 } };
  await using observer = await RunObserver.open(options);
  const status = async (path: string, method = 'GET') => (await fetch(`${observer.url}${path}`, { method })).status;
  expect(await status('')).toBe(200);
  expect(await status('', 'POST')).toBe(405);
  expect(await status('package.json')).toBe(404);
  expect(await status('..%2f..%2fpackage.json')).toBe(404);
});

test.each([
  ['//', 404],
  ['/\\', 404],
  ['http://[', 404],
  ['/?from=elsewhere', 200],
])('a request for %s, which need not be a URL, is answered with %i', async (target, status) => {
  using folder = temporaryFolder();
  const options = { out: join(folder.path, 'run'), page: { host: '127.0.0.1', port: 0 } };
  await using observer = await RunObserver.open(options);
  const socket = connect(Number(new URL(observer.url!).port), '127.0.0.1');
  socket.end(`GET ${target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
  let answer = '';
  for await (const bytes of socket) answer += bytes;
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
});

test('a page of another site, whose name has been made to mean this machine, reads nothing', async () => {
  using folder = temporaryFolder();
  const options = { out: join(folder.path, 'run'), page: { host: '127.0.0.1', port: 0 } };
  await using observer = await RunObserver.open(options);
  const { port } = new URL(observer.url!);
  const status = (host: string) =>
    new Promise((resolve) => {
      const asked = request({ port, path: '/events', headers: { host } }, ({ statusCode }) => {
        asked.destroy();
        resolve(statusCode);
      });
      asked.on('error', () => undefined).end();
    });
  expect(await status(`evil.example:${port}`)).toBe(421);
  expect(await status(`localhost:${port}`)).toBe(200);
});

test('readers beyond the most, and connections that never ask, keep nobody from the page', async () => {
  using folder = temporaryFolder();
  const options = { out: join(folder.path, 'run'), page: { host: '127.0.0.1', port: 0 } };
  await using observer = await RunObserver.open(options);
  const { port } = new URL(observer.url!);
  const idle = Array.from({ length: 200 }, () => connect(Number(port), '127.0.0.1').on('error', () => undefined));
  const ended = new AbortController();
  const readers = Array.from({ length: 40 }, () => fetch(`${observer.url}events`, { signal: ended.signal }));
  const statuses = (await Promise.all(readers)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(32);
  expect(statuses.filter((status) => status === 503)).toHaveLength(8);
  expect((await fetch(observer.url!)).status).toBe(200);
  ended.abort();
  for (const socket of idle) socket.destroy();
});

test('a connection on which nothing is asked does not keep the process of a run that has ended', async () => {
  using folder = temporaryFolder();
  const options = { out: join(folder.path, 'run'), page: { host: '127.0.0.1', port: 0 } };
  const observer = await RunObserver.open(options);
  const socket = connect(Number(new URL(observer.url!).port), '127.0.0.1');
  await once(socket, 'connect');
  await observer[Symbol.asyncDispose]();
  let answer = '';
  for await (const bytes of socket) answer += bytes;
  // After a minute it would be a 408.
  expect(answer).toBe('');
});

test('a taken port and a public address are refused with a line, and nothing is written', async () => {
  using folder = temporaryFolder();
  const out = join(folder.path, 'run');
  const other = createServer();
  const port = await new Promise<number>((resolve) => {
    other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port));
  });
  const train = (address: string) => unroll('train', '--data', 'grammar', '--out', out, '--dashboard', address);
  expect(await train(String(port))).toMatchObject({
    status: 1,
    stderr: expect.stringContaining(`:${port} (EADDRINUSE)`),
  });
  expect(await train('0.0.0.0:0')).toMatchObject({ status: 2, stderr: expect.stringContaining('--insecure-public') });
  expect(existsSync(out)).toBe(false);
  other.close();
});
