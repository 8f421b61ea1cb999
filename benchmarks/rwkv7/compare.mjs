// Compares an imported RWKV-7 of the published 0.1B shapes with the implementation in numpy (float64): the logits after 200
// tokens, and the states, read in chunks and token by token. The weights are random, in bfloat16.
//   python3 scripts/golden/make_rwkv7.py --real FOLDER   (needs numpy and torch)
//   npm run build && node benchmarks/rwkv7/compare.mjs FOLDER
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { decodingProgram, evaluationProgram, parameterShapes, stateShapes } from '@unroll/core';
import { importModel, selectEngine } from '@unroll/trainer';
import { readCheckpoint } from '../../packages/trainer/dist/checkpoint/checkpoint.js';
import { residentValues, zeros } from '../../packages/trainer/dist/engines/engine.js';

const folder = process.argv[2];
const header = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'));
const bytes = readFileSync(join(folder, 'expected.bin'));
const numbers = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
const expected = (name) => numbers.subarray(header[name].offset, header[name].offset + header[name].length);
const ids = Int32Array.from(expected('ids'));

console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus()[0].model}, 2 threads, ${ids.length} tokens`);
const begun = performance.now();
const checkpoint = join(folder, 'imported');
const files = { file: join(folder, 'model.pth'), vocab: join(folder, 'vocab.txt') };
const { parameters: count, unread } = await importModel({ from: 'rwkv', ...files, out: checkpoint });
console.log(`imported ${count} parameters in ${seconds(begun)} s; unread: ${unread.join(', ')}`);
const { config, parameters } = await readCheckpoint(checkpoint);
const engine = await selectEngine('onnxruntime', 2);
const weights = engine.allocate(residentValues(parameterShapes(config), parameters));

/** Prints the largest difference of the logits and of each kind of state. */
async function report(how, logits, states, began) {
  const worst = { logits: difference(logits, expected('logits')) };
  for (const name of states.names) {
    const [part, kind, layer] = name.split('.');
    const published = `${kind === 'S' ? 'S' : part}.${layer}`;
    const found = difference(await states.read(name), expected(published));
    worst[kind === 'S' ? 'S' : 'shifted inputs'] = Math.max(worst[kind === 'S' ? 'S' : 'shifted inputs'] ?? 0, found);
  }
  const differences = Object.entries(worst).map(([name, value]) => `${name} ${value.toExponential(2)}`);
  console.log(`${how}: largest differences: ${differences.join(', ')}; ${seconds(began)} s`);
  if (worst.logits > 1e-4) process.exitCode = 1;
}

{
  const states = engine.allocate(zeros(stateShapes(config, 1)));
  const program = await engine.compile(evaluationProgram(config, { batch: 1, time: ids.length }), [weights, states]);
  const began = performance.now();
  const { features } = await program.run({ ids, targets: new Int32Array(ids.length) });
  const [width, vocab] = [config.hiddenDim, config.vocabSize];
  const last = features.subarray((ids.length - 1) * width);
  const kernel = parameters['output.kernel'];
  const logits = new Float64Array(vocab);
  for (let k = 0; k < width; k++) for (let id = 0; id < vocab; id++) logits[id] += last[k] * kernel[k * vocab + id];
  await report('in chunks of 16', logits, states, began);
  await program.dispose();
  states.dispose();
}
{
  const states = engine.allocate(zeros(stateShapes(config, 1)));
  const step = await engine.compile(decodingProgram(config), [weights, states]);
  const began = performance.now();
  let logits;
  for (const id of ids) ({ logits } = await step.run({ ids: Int32Array.of(id) }));
  await report('token by token', logits, states, began);
}

function difference(actual, wanted) {
  return wanted.reduce((worst, value, k) => Math.max(worst, Math.abs(value - actual[k])), 0);
}

function seconds(since) {
  return ((performance.now() - since) / 1000).toFixed(1);
}
