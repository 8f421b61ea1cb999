// Times Unroll's training step: forward, backward, clipping by global norm, SGD, all in one graph, of which one call makes as
// many steps as in `unroll train`.
// One JSON line: seconds of each step, and the process's peak memory.   usage: unroll.mjs CONFIGURATION STEPS THREADS
import { readFileSync } from 'node:fs';
import { initialParameters, languageModelConfig, parameterShapes, stateShapes, trainingProgram } from '@unroll/core';
import { runMany, selectEngine, zeros } from '@unroll/trainer';
// How many steps a call makes is no part of the package's interface.
import { RunLength } from '../../packages/trainer/dist/training/run-length.js';

const [name, steps, threads] = process.argv.slice(2);
const configurations = JSON.parse(readFileSync(new URL('configurations.json', import.meta.url), 'utf8'));
const { batch, time, ...model } = configurations[name];

const config = languageModelConfig(model);
const engine = await selectEngine('onnxruntime', Number(threads));
const shapes = parameterShapes(config);
const initial = initialParameters(config, { seed: 0 });
const parameters = engine.allocate(
  Object.fromEntries(Object.entries(shapes).map(([key, shape]) => [key, { shape, values: initial[key] }])),
);
const state = engine.allocate(zeros(stateShapes(config, batch)));
const program = trainingProgram(config, { batch, time }, { optimizer: { name: 'sgd' }, clipNorm: 0.25 });
const executable = await engine.compile(program, [parameters, state]);

const rows = batch * time;
// The ids need only be spread over the vocabulary; the multiplier is prime to it.
const ids = Int32Array.from({ length: rows }, (_, k) => (k * 7919) % config.vocabSize);
const inputs = {
  ids,
  targets: ids.toReversed(),
  lossWeights: new Float32Array(rows).fill(1 / rows),
  learningRate: Float32Array.of(0.1),
  step: Float32Array.of(1),
};
const length = new RunLength(shapes);
/** The seconds of each of these steps. */
async function make(count) {
  const start = performance.now();
  await length.measure(count, () => runMany(executable, count, () => inputs));
  return Array(count).fill((performance.now() - start) / 1000 / count);
}
for (const count of [1, 1, 2]) await make(count);
await make(length.steps);
const seconds = [];
while (seconds.length < Number(steps))
  seconds.push(...(await make(Math.min(length.steps, Number(steps) - seconds.length))));
console.log(JSON.stringify({ seconds, peakMegabytes: process.resourceUsage().maxRSS / 1024 }));
