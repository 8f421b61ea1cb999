// Decodes in headless Chromium on one thread: the bundles of one checkpoint in each quantization, beside its float32
// bundle and ONNX Runtime Web, in the same page and in turns. Reports bytes, tokens/s of greedy text and of scoring,
// perplexity.
//   node benchmarks/on-device/run.mjs --checkpoint DIR --text FILE [--rounds 5] [--tokens 100] [--scored 1000] [--json FILE]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';
import { findChromium } from '../../scripts/chromium.mjs';
import { median } from '../common.mjs';

const { values: flags } = parseArgs({
  options: {
    checkpoint: { type: 'string' },
    text: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    tokens: { type: 'string', default: '100' },
    scored: { type: 'string', default: '1000' },
    json: { type: 'string' },
  },
});
if (!flags.checkpoint || !flags.text) {
  console.error('give a checkpoint and a text of its language: --checkpoint DIR --text FILE');
  process.exit(2);
}
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const unroll = here('../../packages/trainer/bin/unroll.js');
const executablePath = await findChromium();
if (!executablePath) {
  console.error('no Chromium here; run: node scripts/chromium.mjs');
  process.exit(1);
}

/** The contenders: a bundle and its runtime. The others are compared with the first. */
const contestants = [
  { quantization: 'none', engine: 'unroll' },
  { quantization: 'int8', engine: 'unroll' },
  { quantization: 'mixed', engine: 'unroll' },
  { quantization: 'int4', engine: 'unroll' },
  { quantization: 'none', engine: 'onnxruntime-web' },
  { quantization: 'int8', engine: 'onnxruntime-web' },
];
const quantizations = [...new Set(contestants.map(({ quantization }) => quantization))];

const site = mkdtempSync(join(tmpdir(), 'unroll-on-device-'));
try {
  await build({ root: here('page/'), configFile: false, logLevel: 'warn', build: { outDir: site, emptyOutDir: true } });
  for (const quantization of quantizations) exportBundle(quantization);
  const measured = await inChromium(measure);
  print(measured);
  if (flags.json) writeFileSync(flags.json, `${JSON.stringify({ cpu: cpus()[0].model, measured }, null, 2)}\n`);
} finally {
  rmSync(site, { recursive: true });
}

function exportBundle(quantization) {
  const out = join(site, quantization);
  const args = [unroll, 'export', '--checkpoint', flags.checkpoint, '--out', out, '--quantization', quantization];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

/** Returns the result of `use` with a page next to which the bundles are served. */
async function inChromium(use) {
  const server = await preview({ configFile: false, logLevel: 'warn', build: { outDir: site }, preview: { port: 0 } });
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    await page.goto(server.resolvedUrls.local[0]);
    await page.waitForFunction(() => 'benchmark' in globalThis);
    return await use(page);
  } finally {
    await browser.close();
    await server.close();
  }
}

async function measure(page) {
  const text = readFileSync(flags.text, 'utf8');
  const results = contestants.map((contestant) => ({ ...contestant, bytes: bundleBytes(contestant), speeds: [] }));
  for (const { quantization, engine } of contestants) {
    await page.evaluate(([q, e]) => benchmark.load(q, e), [quantization, engine]);
    await page.evaluate(([q, e]) => benchmark.generate(q, e, 20), [quantization, engine]); // compiles
  }
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const { quantization, engine, speeds } of results) {
      speeds.push(
        await page.evaluate(([q, e, n]) => benchmark.generate(q, e, n), [quantization, engine, Number(flags.tokens)]),
      );
    }
  }
  for (const result of results) {
    const { quantization, engine } = result;
    result.scored = await page.evaluate(
      ([q, e, t, n]) => benchmark.score(q, e, t, n),
      [quantization, engine, text, Number(flags.scored)],
    );
  }
  return results;
}

function bundleBytes({ quantization }) {
  const folder = join(site, quantization);
  return readdirSync(folder).reduce((sum, name) => sum + readFileSync(join(folder, name)).length, 0);
}

function print(results) {
  const [reference] = results;
  const percent = (value) => `${(100 * value).toFixed(2)} %`;
  const rows = results.map(({ quantization, engine, bytes, speeds, scored }) => ({
    quantization,
    engine,
    MB: (bytes / 1e6).toFixed(2),
    'of float32': percent(bytes / reference.bytes),
    'tokens/s': Math.round(median(speeds)),
    'ratio (of the rounds)': (() => {
      const ratios = speeds.map((speed, round) => speed / reference.speeds[round]);
      return `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
    })(),
    'scoring tokens/s': Math.round(scored.tokensPerSecond),
    perplexity: scored.perplexity.toFixed(3),
    change: percent(scored.perplexity / reference.scored.perplexity - 1),
  }));
  console.table(rows);
}
