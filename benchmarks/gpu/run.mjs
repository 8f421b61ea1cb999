// Tokens per second of the training step on every GPU engine that starts here, beside PyTorch with cuDNN's LSTM. They
// run in turns, each measurement in a process of its own; results are medians over the rounds. README.md lists what
// must be installed.
//   node benchmarks/gpu/run.mjs [--rounds 3] [--steps 20] [--json FILE] [CONFIGURATION …]
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from '../common.mjs';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '20' },
    json: { type: 'string' },
  },
});
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const configurations = JSON.parse(readFileSync(here('configurations.json'), 'utf8'));
const names = positionals.length > 0 ? positionals : ['ptb-medium', 'ptb-large'];
const unknown = names.find((name) => !(name in configurations));
if (unknown) fail(`unknown configuration '${unknown}': there are ${Object.keys(configurations).join(', ')}`, 2);

/** The engines with the precisions that they support. */
const contenders = [
  ...['cuda', 'webgpu'].flatMap((engine) => ['float32', 'mixed'].map((precision) => ({ engine, precision }))),
  ...['tensorflow', 'tfjs-webgpu'].map((engine) => ({ engine, precision: 'float32' })),
];
const pytorch = ['float32', 'mixed'].map((precision) => ({ engine: 'pytorch', precision }));
const python = ['python3', '/usr/bin/python3'].find((path) => spawnSync(path, ['-c', 'import torch']).status === 0);

function fail(message, status) {
  console.error(message);
  process.exit(status);
}

/** Returns the last line that a measuring program prints, or why it failed. */
function outputOf(program, args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) return { reason: (error?.message ?? stderr.trim().split('\n').at(-1)) || `status ${status}` };
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

function measure({ engine, precision }, name, steps) {
  if (engine !== 'pytorch') return outputOf(process.execPath, [here('unroll.mjs'), name, steps, engine, precision]);
  if (!python) return { reason: 'PyTorch is not installed' };
  return outputOf(python, [here('pytorch.py'), name, steps, precision]);
}

/** Returns each contender with the reason why it cannot make a step here, if it cannot. */
function tried(candidates) {
  return candidates.map((contender) => ({ contender, reason: measure(contender, 'tiny', '1').reason }));
}

function compare(name, field) {
  const { batch, time } = configurations[name];
  const runs = Array.from({ length: Number(flags.rounds) }, () =>
    field.map((contender) => measure(contender, name, flags.steps)),
  );
  const rows = field.map(({ engine, precision }, k) => {
    const failed = runs.find((round) => round[k].reason);
    if (failed) return { configuration: name, engine, precision, failed: failed[k].reason };
    const tokensPerSecond = median(runs.map((round) => (batch * time) / median(round[k].seconds)));
    return { configuration: name, engine, precision, 'tokens/s': Math.round(tokensPerSecond) };
  });
  return rows.map((row) => {
    const rival = rows.find(({ engine, precision }) => engine === 'pytorch' && precision === row.precision);
    const ratio = row['tokens/s'] / rival?.['tokens/s'];
    return Number.isFinite(ratio) && row !== rival ? { ...row, 'of PyTorch': Number(ratio.toFixed(3)) } : row;
  });
}

/** Returns the slowest operators: those of ONNX Runtime's providers, and PyTorch's CUDA kernels. */
function profiles(name, field) {
  return field
    .filter(({ engine, precision }) => ['cuda', 'webgpu', 'pytorch'].includes(engine) && precision === 'float32')
    .map(({ engine, precision }) => {
      const result =
        engine === 'pytorch'
          ? measure({ engine, precision }, name, '1').operators
          : outputOf(process.execPath, [here('profile.mjs'), name, '5', engine]);
      return { configuration: name, engine, operators: result };
    });
}

const ours = tried(contenders);
if (ours.every(({ reason }) => reason)) {
  fail("no GPU engine starts on this machine: 'npx unroll doctor' says what each needs", 1);
}
const all = [...ours, ...tried(pytorch)];
for (const { contender, reason } of all) {
  if (reason) console.error(`${contender.engine}, ${contender.precision}: not measured: ${reason}`);
}
const field = all.filter(({ reason }) => !reason).map(({ contender }) => contender);
const results = names.flatMap((name) => compare(name, field));
console.log(`tokens/s of the training step, medians of ${flags.rounds} rounds of ${flags.steps} steps`);
console.table(results);
const profiled = names.flatMap((name) => profiles(name, field));
for (const { configuration, engine, operators } of profiled) {
  console.log(`${configuration} on ${engine}: where the time goes`);
  console.table(operators);
}
if (flags.json) writeFileSync(flags.json, `${JSON.stringify({ results, profiles: profiled }, null, 2)}\n`);
