// Measures the demo's start in headless Chromium: from navigation to its first suggestions, and bytes on the wire, with
// an empty and a full cache. Also times `suggest` at each key with a model of PTB medium's size. The weights are
// random, as speed and size do not depend on them. It runs over loopback: a real network adds the transfer time of the
// bytes.
//   node benchmarks/start/run.mjs [--bundle DIR] [--rounds 5] [--json FILE]    --bundle: one other than gboard-cifg's
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { build } from 'vite';
import { findChromium } from '../../scripts/chromium.mjs';
import { median } from '../common.mjs';
import { writeKeyboardBundle, writePtbMediumBundle } from './bundles.mjs';
import { serveFolder } from './server.mjs';

const { values: flags } = parseArgs({
  options: {
    bundle: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'string' },
  },
});
const executablePath = await findChromium();
if (!executablePath) {
  console.error('no Chromium here; run: node scripts/chromium.mjs');
  process.exit(1);
}
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const site = mkdtempSync(join(tmpdir(), 'unroll-start-'));
try {
  await buildPage('../../examples/browser/', 'demo');
  await buildPage('keys/', 'keys');
  if (flags.bundle) await cp(flags.bundle, join(site, 'demo/model'), { recursive: true });
  else await writeKeyboardBundle(await folder('demo/model'));
  await writePtbMediumBundle(await folder('keys/model'));

  const server = await serveFolder(site);
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const starts = [];
  for (let round = 0; round < Number(flags.rounds); round++) starts.push(await measureStart(browser, server));
  const keys = await measureKeys(browser, server);
  await browser.close();
  server.close();
  print(starts, keys);
  if (flags.json) writeFileSync(flags.json, `${JSON.stringify({ cpu: cpus()[0].model, starts, keys }, null, 2)}\n`);
} finally {
  rmSync(site, { recursive: true });
}

async function folder(name) {
  const path = join(site, name);
  await mkdir(path, { recursive: true });
  return path;
}

function buildPage(root, name) {
  const configFile = name === 'demo' && here(`${root}vite.config.ts`);
  const options = { outDir: join(site, name), emptyOutDir: true };
  return build({ root: here(root), base: './', configFile, logLevel: 'warn', build: options });
}

/** Measures a cold start in a new profile, and a warm one in the same profile. */
async function measureStart(browser, server) {
  const context = await browser.newContext();
  const cold = await start(await context.newPage(), server);
  const warm = await start(await context.newPage(), server);
  await context.close();
  return { cold, warm };
}

/** Opens the demo and waits until it shows suggestions, then until it could run offline. */
async function start(page, server) {
  const before = server.bytes();
  await page.goto(`${server.url}demo/`);
  await page.waitForFunction(() => performance.getEntriesByName('first-words').length > 0);
  const atFirstWords = server.bytes() - before;
  const milliseconds = await page.evaluate(() => performance.getEntriesByName('first-words')[0].startTime);
  await page.waitForFunction(() => document.getElementById('offline').textContent === 'ready');
  const bytes = server.bytes() - before;
  await page.close();
  return { milliseconds, atFirstWords, bytes };
}

async function measureKeys(browser, server) {
  const page = await browser.newPage();
  await page.goto(`${server.url}keys/`);
  await page.waitForFunction(() => 'typeKeys' in globalThis);
  const measured = await page.evaluate(() => globalThis.typeKeys());
  await page.close();
  return measured;
}

function print(starts, keys) {
  const row = (name) => {
    const all = starts.map((round) => round[name]);
    const milliseconds = all.map((round) => round.milliseconds);
    return {
      start: name,
      'ms to first words': `${Math.round(median(milliseconds))} (${Math.round(Math.min(...milliseconds))}–${Math.round(Math.max(...milliseconds))})`,
      'kB until then': kilobytes(median(all.map(({ atFirstWords }) => atFirstWords))),
      'kB until offline': kilobytes(median(all.map(({ bytes }) => bytes))),
    };
  };
  console.table([row('cold'), row('warm')]);
  const spread = (name) => {
    const sorted = keys.filter(({ kind }) => kind === name).map(({ milliseconds }) => milliseconds);
    return {
      key: name,
      keys: sorted.length,
      'median ms': median(sorted).toFixed(2),
      'slowest ms': Math.max(...sorted).toFixed(2),
    };
  };
  console.table([spread('space'), spread('letter')]);
  console.log(`median of all keys: ${median(keys.map(({ milliseconds }) => milliseconds)).toFixed(2)} ms`);
}

function kilobytes(bytes) {
  return Math.round(bytes / 1000);
}
