// Compares `unroll train --preset zaremba-small` with the same recipe in PyTorch, on the same text and machine:
// perplexities, tokens per second and total times, by seed.
//   node benchmarks/zaremba-small/run.mjs DATA [--seeds 1,2,3] [--epochs 13] [--threads 2] [--tokenizer char]
//     [--pytorch] [--json FILE]
// DATA is a folder of train.txt, valid.txt and test.txt. With --pytorch, both train each seed, one after the other.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { torchEnvironment } from '../common.mjs';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    epochs: { type: 'string', default: '13' },
    threads: { type: 'string', default: String(availableParallelism()) },
    tokenizer: { type: 'string', default: 'word' },
    pytorch: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const [data] = positionals;
if (!data) throw new Error('give the folder of the corpus');
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const unroll = here('../../packages/trainer/bin/unroll.js');

/** Returns the JSON that a command prints; shows its stderr. */
function run(command, args, env = process.env) {
  const { status, stdout } = spawnSync(command, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`);
  return JSON.parse(stdout);
}

function trainUnroll(seed) {
  const folder = mkdtempSync(join(tmpdir(), 'zaremba-small-'));
  const checkpoint = join(folder, 'checkpoint');
  const start = performance.now();
  const { epochs, threads, tokenizer } = flags;
  const given = { preset: 'zaremba-small', epochs, seed, threads, tokenizer };
  const recipe = Object.entries(given).flatMap(([flag, value]) => [`--${flag}`, value]);
  const trained = run(process.execPath, [unroll, 'train', '--data', data, '--out', checkpoint, ...recipe, '--json']);
  const test = run(process.execPath, [unroll, 'eval', '--checkpoint', checkpoint, '--data', data, '--json']);
  const seconds = Math.round((performance.now() - start) / 1000);
  rmSync(folder, { recursive: true });
  const { validPerplexity, tokensPerSecond } = trained;
  return {
    by: 'unroll',
    seed: Number(seed),
    validPerplexity,
    testPerplexity: test.perplexity,
    tokensPerSecond,
    seconds,
  };
}

function trainPyTorch(seed) {
  const { epochs, threads, tokenizer } = flags;
  const args = [here('pytorch.py'), data, seed, epochs, tokenizer];
  return { by: 'pytorch', ...run('/usr/bin/python3', args, torchEnvironment(threads)) };
}

const results = flags.seeds
  .split(',')
  .flatMap((seed) => [trainUnroll(seed), ...(flags.pytorch ? [trainPyTorch(seed)] : [])]);
console.table(results);
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(results, null, 2)}\n`);
