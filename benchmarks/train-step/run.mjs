// Tokens per second of Unroll's training step beside PyTorch's, in pairs in one run: for each configuration ours, theirs,
// ours, theirs, …, each in a process of its own; medians and the median ratio of the pairs.
//   node benchmarks/train-step/run.mjs [--threads 2] [--rounds 3] [--steps 10] [--json FILE] [CONFIGURATION …]
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '10' },
    json: { type: 'string' },
  },
});
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const configurations = JSON.parse(readFileSync(here('configurations.json'), 'utf8'));
const names = positionals.length > 0 ? positionals : Object.keys(configurations);

// PyTorch's fastest setting where OpenBLAS does not recognise an AVX-512 processor by itself.
const avx512 = readFileSync('/proc/cpuinfo', 'utf8').includes('avx512f');
const torchEnvironment = {
  ...process.env,
  OMP_NUM_THREADS: flags.threads,
  OPENBLAS_NUM_THREADS: flags.threads,
  OMP_WAIT_POLICY: 'passive',
  ...(avx512 ? { OPENBLAS_CORETYPE: 'SKYLAKEX' } : {}),
};

const python = ['/usr/bin/python3', 'python3'].find((path) => spawnSync(path, ['-c', 'import torch']).status === 0);
if (!python)
  console.error('PyTorch is not installed (Debian: apt-get install python3-torch libopenblas0-pthread): ours alone');

function stepSeconds(command, args, env = process.env) {
  const { status, stdout, stderr } = spawnSync(command, args, { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return median(JSON.parse(stdout.trim().split('\n').at(-1)));
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

const results = names.map((name) => {
  const { batch, time } = configurations[name];
  const args = [name, flags.steps, flags.threads];
  const pairs = Array.from({ length: Number(flags.rounds) }, () => ({
    unroll: (batch * time) / stepSeconds(process.execPath, [here('unroll.mjs'), ...args]),
    pytorch: python && (batch * time) / stepSeconds(python, [here('pytorch.py'), ...args], torchEnvironment),
  }));
  const of = (key) => Math.round(median(pairs.map((pair) => pair[key])));
  const ratios = pairs.map((pair) => pair.unroll / pair.pytorch);
  const result = {
    configuration: name,
    unroll: of('unroll'),
    ...(python
      ? {
          pytorch: of('pytorch'),
          ratio: Number(median(ratios).toFixed(2)),
          lowest: Number(Math.min(...ratios).toFixed(2)),
          highest: Number(Math.max(...ratios).toFixed(2)),
        }
      : {}),
  };
  console.error(`${name}: done`);
  return result;
});

console.log(
  `tokens/s, ${flags.threads} threads, medians of ${flags.rounds} pairs of ${flags.steps} steps, ${cpus()[0].model}`,
);
console.table(results);
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(results, null, 2)}\n`);
