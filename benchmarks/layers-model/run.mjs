// Examples per second of training ordinary TensorFlow.js models: with `fit` on its cpu and wasm backends, and with a
// compiled step, in turns; medians of the rounds. Compiling and the first batch of each are not counted.
//   node benchmarks/layers-model/run.mjs [--threads 2] [--rounds 3] [--steps 5] [--json FILE] [MODEL …]
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { compile, selectEngine } from '@unroll/trainer';
import { median } from '../common.mjs';
import { models } from './models.mjs';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '5' },
    json: { type: 'string' },
  },
});
const names = positionals.length > 0 ? positionals : Object.keys(models);
const unknown = names.find((name) => !(name in models));
if (unknown) {
  console.error(`no model '${unknown}'; there are ${Object.keys(models).join(', ')}`);
  process.exit(2);
}
const require = createRequire(import.meta.url);
setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);

const loss = 'categoricalCrossentropy';

/** Returns a function that trains one batch with `fit` on a backend; undefined if the backend lacks a kernel. */
async function fitter(backend, name) {
  await tf.setBackend(backend);
  const { model, xs, ys } = models[name]();
  model.compile({ optimizer: tf.train.adam(0.001), loss });
  const train = async () => {
    await tf.setBackend(backend);
    await model.fit(xs, ys, { batchSize: xs.shape[0], epochs: 1, shuffle: false, verbose: 0, yieldEvery: 'never' });
  };
  try {
    await train();
    return train;
  } catch (error) {
    console.error(`${name} on ${backend}: ${error.message.split('\n')[0]}`);
    return undefined;
  }
}

async function compiled(name) {
  await tf.setBackend('cpu');
  const { model, xs, ys } = models[name]();
  const engine = await selectEngine('onnxruntime', Number(flags.threads));
  const step = await compile(model, loss, tf.train.adam(0.001), { engine });
  const train = async () => {
    await tf.setBackend('cpu');
    await step.run(xs, ys);
  };
  await train();
  return train;
}

async function seconds(train) {
  const start = performance.now();
  for (let k = 0; k < Number(flags.steps); k++) await train();
  return (performance.now() - start) / 1000 / Number(flags.steps);
}

const results = [];
for (const name of names) {
  const trainers = { cpu: await fitter('cpu', name), wasm: await fitter('wasm', name), compiled: await compiled(name) };
  const times = { cpu: [], wasm: [], compiled: [] };
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const [kind, train] of Object.entries(trainers)) if (train) times[kind].push(await seconds(train));
  }
  await tf.setBackend('cpu');
  const batch = models[name]().xs.shape[0];
  const speed = (kind) => (times[kind].length > 0 ? Number((batch / median(times[kind])).toPrecision(3)) : undefined);
  results.push({ model: name, cpu: speed('cpu'), wasm: speed('wasm'), compiled: speed('compiled') });
}
console.log(
  `examples/s, ${flags.threads} threads for the compiled step, medians of ${flags.rounds} rounds of ${flags.steps} steps, ${cpus()[0].model}`,
);
console.table(results);
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(results, null, 2)}\n`);
