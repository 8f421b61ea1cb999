// Unroll's runtime beside ONNX Runtime Web, TensorFlow.js and transformers.js in headless Chromium. Each runs on one
// thread, in a tab of its own, with the same weights. Reports, in turns, bytes and time to the first token and tokens/s
// of greedy text, and whether all generate the same tokens. Install the rivals once before:
//   npm install --no-package-lock --prefix benchmarks/rivals
//   node benchmarks/rivals/run.mjs [--rounds 5] [--starts 3] [--tokens 50] [--site DIR] [--json FILE]
//   --site: keeps page and models there for the next run, which then only measures
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { build } from 'vite';
import { findChromium } from '../../scripts/chromium.mjs';
import { median } from '../common.mjs';
import { serveFolder } from '../start/server.mjs';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    starts: { type: 'string', default: '3' },
    tokens: { type: 'string', default: '50' },
    site: { type: 'string' },
    json: { type: 'string' },
  },
});
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const executablePath = await findChromium();
if (!executablePath) {
  console.error('no Chromium here; run: node scripts/chromium.mjs');
  process.exit(1);
}
if (!existsSync(here('node_modules/@huggingface/transformers'))) {
  console.error('transformers.js is not installed; run: npm install --no-package-lock --prefix benchmarks/rivals');
  process.exit(1);
}

/** The first of each model is the one with which its others are compared. */
const contestants = [
  { model: 'none', engine: 'unroll', of: 'lstm' },
  { model: 'int8', engine: 'unroll', of: 'lstm' },
  { model: 'none', engine: 'onnxruntime-web', of: 'lstm' },
  { model: 'layers', engine: 'tensorflow-wasm', of: 'lstm' },
  { model: 'layers', engine: 'unroll-layers', of: 'lstm' },
  { model: 'layers', engine: 'tensorflow-cpu', of: 'lstm' },
  { model: 'gpt2', engine: 'unroll-gpt2', of: 'gpt2' },
  { model: 'gpt2', engine: 'transformers', of: 'gpt2' },
];

/** Minimum time for which an engine generates in a round. */
const roundMilliseconds = 800;

const site = flags.site ?? mkdtempSync(join(tmpdir(), 'unroll-rivals-'));
const firstIdsFile = join(site, 'first-ids.json');
try {
  if (!existsSync(firstIdsFile)) await buildSite();
  const measured = await measure(JSON.parse(readFileSync(firstIdsFile, 'utf8')));
  print(measured);
  if (flags.json) writeFileSync(flags.json, `${JSON.stringify({ cpu: cpus()[0].model, measured }, null, 2)}\n`);
} finally {
  if (!flags.site) rmSync(site, { recursive: true });
}

async function measure(firstIds) {
  const server = await serveFolder(site);
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const tokens = Number(flags.tokens);
  const tabs = [];
  for (const contestant of contestants) {
    const { page, starts } = await opened(contestant, { browser, server, first: firstIds[contestant.of] });
    const ids = await page.evaluate((count) => rival.write(count), tokens); // and warms the engine up
    tabs.push({ page, result: { ...contestant, starts, ids, speeds: [] } });
  }
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const { page, result } of tabs) {
      const speed = page.evaluate(([count, least]) => rival.speed(count, least), [tokens, roundMilliseconds]);
      result.speeds.push(await speed);
    }
  }
  await browser.close();
  server.close();
  return tabs.map(({ result }) => result);
}

/** Returns the contestant's page and its opening times, each measured in a new profile. */
async function opened({ engine, model }, { browser, server, first }) {
  const starts = [];
  for (;;) {
    const before = server.bytes();
    const context = await browser.newContext();
    const page = await context.newPage();
    page.on('pageerror', (error) => console.error(`${engine}: ${error}`));
    await page.goto(`${server.url}?${new URLSearchParams({ engine, model, first })}`);
    await page.waitForFunction(() => 'rival' in globalThis);
    const milliseconds = await page.evaluate(() => performance.getEntriesByName('first-token')[0].startTime);
    starts.push({ milliseconds, bytes: server.bytes() - before });
    if (starts.length >= Number(flags.starts)) return { page, starts };
    await context.close();
  }
}

async function buildSite() {
  await build({
    root: here('page/'),
    base: './',
    configFile: false,
    logLevel: 'error',
    build: { outDir: site, emptyOutDir: true, target: 'es2022' },
  });
  const runtime = dirname(fileURLToPath(import.meta.resolve('onnxruntime-web', here('page/transformers.js'))));
  await mkdir(join(site, 'ort'));
  for (const extension of ['mjs', 'wasm']) {
    const name = `ort-wasm-simd-threaded.asyncify.${extension}`;
    await cp(join(runtime, name), join(site, 'ort', name));
  }
  const { writeGpt2, writeLstm } = await import('./models.mjs');
  const firstIds = { lstm: await writeLstm(site), gpt2: await writeGpt2(site) };
  writeFileSync(firstIdsFile, JSON.stringify(firstIds));
}

function print(results) {
  const rows = results.map(({ model, engine, of, starts, speeds, ids }) => {
    const reference = results.find((result) => result.of === of);
    const ratios = speeds.map((speed, round) => speed / reference.speeds[round]);
    const milliseconds = starts.map((start) => start.milliseconds);
    const differing = ids.findIndex((id, k) => id !== reference.ids[k]);
    return {
      model,
      engine,
      MB: (median(starts.map(({ bytes }) => bytes)) / 1e6).toFixed(2),
      'ms to the first token': `${Math.round(median(milliseconds))} (${Math.round(Math.min(...milliseconds))}–${Math.round(Math.max(...milliseconds))})`,
      'tokens/s': Math.round(median(speeds)),
      'ratio (of the rounds)': `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`,
      'same tokens': differing === -1 ? 'all' : `the first ${differing}`,
    };
  });
  console.table(rows);
}
