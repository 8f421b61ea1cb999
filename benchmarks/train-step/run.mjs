// Compares the training step in one run. Unroll and PyTorch run in turns (ours, theirs, ours, theirs, …), each in a
// process of its own. TensorFlow.js's own layers run at the one size where their step takes seconds, not minutes. The
// step's matrix products alone set the limit. Reports median tokens per second, the spread of ours and of the pairs'
// ratios, and each process's peak memory. All of it is also written as JSON, to latest.json beside this file by
// default.
//   npm run bench -- [CONFIGURATION …] [--threads 2] [--rounds 3] [--steps 10] [--json FILE]
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findPyTorch, median, resultOf, torchEnvironment } from '../common.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '10' },
    json: { type: 'string', default: here('latest.json') },
  },
});
const configurations = JSON.parse(readFileSync(here('configurations.json'), 'utf8'));
const names = positionals.length > 0 ? positionals : Object.keys(configurations);
const unknown = names.find((name) => !configurations[name]);
if (unknown) {
  console.error(`no configuration '${unknown}'; there are ${Object.keys(configurations).join(', ')}`);
  process.exit(2);
}
/**
 * The size at which the gradient of TensorFlow.js's embedding layer, which visits the vocabulary token by token, is
 * bearable.
 */
const smallEnoughForTensorFlow = ['small-lstm'];

const torch = findPyTorch();
if (!torch) console.error('without PyTorch (Debian: apt-get install python3-torch libopenblas0-pthread)');

const tokensPerSecond = (name, seconds) => {
  const { batch, time } = configurations[name];
  return Math.round((batch * time) / seconds);
};

/** Summarises several processes of one kind: the median of their medians, and their greatest memory. */
function summary(name, results) {
  return {
    tokensPerSecond: tokensPerSecond(name, median(results.map(({ seconds }) => median(seconds)))),
    peakMegabytes: Math.round(Math.max(...results.map(({ peakMegabytes }) => peakMegabytes))),
  };
}

/** Returns the spread of the processes' speeds. */
function spread(name, results) {
  const speeds = results.map(({ seconds }) => tokensPerSecond(name, median(seconds)));
  return { lowest: Math.min(...speeds), highest: Math.max(...speeds) };
}

function beside(name, ours, theirs) {
  const ratios = ours.map(({ seconds }, k) => median(theirs[k].seconds) / median(seconds));
  const [ratio, lowest, highest] = [median(ratios), Math.min(...ratios), Math.max(...ratios)].map((value) =>
    Number(value.toFixed(2)),
  );
  return { pytorch: summary(name, theirs), ratio, lowest, highest };
}

/** Returns the tokens per second of a step that consists of its matrix products alone. */
function productsLimit(name) {
  const { operators } = resultOf(process.execPath, [here('profile.mjs'), name, '--threads', flags.threads, '--json']);
  const products = operators.filter(({ operator }) => /Gemm|MatMul/.test(operator));
  const milliseconds = products.reduce((sum, { 'ms a step': time }) => sum + time, 0);
  return tokensPerSecond(name, milliseconds / 1000);
}

function measure(name) {
  const args = [name, flags.steps, flags.threads];
  const ours = [];
  const theirs = [];
  for (let round = 1; round <= Number(flags.rounds); round++) {
    console.error(`${name}: pair ${round} of ${flags.rounds}`);
    ours.push(resultOf(process.execPath, [here('unroll.mjs'), ...args]));
    if (torch) theirs.push(resultOf(torch, [here('pytorch.py'), ...args], torchEnvironment(flags.threads)));
  }
  const small = smallEnoughForTensorFlow.includes(name);
  console.error(`${name}: matrix products${small ? ", TensorFlow.js's own layers" : ''}`);
  return {
    configuration: name,
    unroll: { ...summary(name, ours), ...spread(name, ours) },
    ...(torch ? beside(name, ours, theirs) : {}),
    matrixProducts: productsLimit(name),
    ...(small ? { tensorflow: summary(name, [resultOf(process.execPath, [here('tensorflow.mjs'), name])]) } : {}),
  };
}

const results = names.map(measure);
console.log(
  `tokens/s, ${flags.threads} threads, medians of ${flags.rounds} pairs of ${flags.steps} steps, ${cpus()[0].model}`,
);
console.table(
  results.map(({ configuration, unroll, pytorch, ratio, lowest, highest, matrixProducts, tensorflow }) => ({
    configuration,
    Unroll: unroll.tokensPerSecond,
    'of its runs': `${unroll.lowest}–${unroll.highest}`,
    ...(pytorch ? { PyTorch: pytorch.tokensPerSecond, ratio, 'of pairs': `${lowest}–${highest}` } : {}),
    'products alone': matrixProducts,
    ...(tensorflow ? { 'tf.layers, cpu': tensorflow.tokensPerSecond } : {}),
    'MB Unroll': unroll.peakMegabytes,
    ...(pytorch ? { 'MB PyTorch': pytorch.peakMegabytes } : {}),
  })),
);
writeFileSync(flags.json, `${JSON.stringify(results, null, 2)}\n`);
console.log(`as JSON: ${flags.json}`);
