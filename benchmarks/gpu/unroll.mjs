// Times Unroll's training step on an engine: forward, backward, clipping by global norm, SGD; parameters stay where the
// engine keeps them. One JSON line: what the engine is, and the seconds of each step.
//   usage: unroll.mjs CONFIGURATION STEPS ENGINE float32|mixed
import { readFileSync } from 'node:fs';
import {
  initialParameters,
  languageModelConfig,
  lossScalingShapes,
  mixedTrainingProgram,
  parameterShapes,
  stateShapes,
  trainingProgram,
} from '@unroll/core';
import { selectEngine, zeros } from '@unroll/trainer';

const [name, steps, engineName, precision] = process.argv.slice(2);
const configurations = JSON.parse(readFileSync(new URL('configurations.json', import.meta.url), 'utf8'));
const { batch, time, ...model } = configurations[name];

async function measure() {
  const config = languageModelConfig(model);
  const engine = await selectEngine(engineName);
  const initial = initialParameters(config, { seed: 0 });
  const parameters = engine.allocate(
    Object.fromEntries(
      Object.entries(parameterShapes(config)).map(([key, shape]) => [key, { shape, values: initial[key] }]),
    ),
  );
  const state = engine.allocate(zeros({ ...stateShapes(config, batch), ...lossScalingShapes }));
  const programOf = precision === 'mixed' ? mixedTrainingProgram : trainingProgram;
  const program = programOf(config, { batch, time }, { optimizer: { name: 'sgd' }, clipNorm: 0.25 });
  const executable = await engine.compile(program, [parameters, state]);
  const inputs = inputsOf(config.vocabSize);
  for (let k = 0; k < 3; k++) await executable.run(inputs);
  const seconds = [];
  for (let k = 0; k < Number(steps); k++) {
    const start = performance.now();
    await executable.run(inputs); // its outputs, such as the losses, are in main memory when it is done
    seconds.push((performance.now() - start) / 1000);
  }
  return { engine: engine.description, seconds };
}

function inputsOf(vocabSize) {
  const rows = batch * time;
  // The ids need only be spread over the vocabulary; the multiplier is prime to it.
  const ids = Int32Array.from({ length: rows }, (_, k) => (k * 7919) % vocabSize);
  return {
    ids,
    targets: ids.toReversed(),
    lossWeights: new Float32Array(rows).fill(1 / rows),
    learningRate: Float32Array.of(0.1),
    step: Float32Array.of(1),
  };
}

try {
  console.log(JSON.stringify(await measure()));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
