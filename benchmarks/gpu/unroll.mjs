// Times Unroll's training step on an engine; parameters stay on the engine. One JSON line: the engine's description and
// the seconds of each step.
//   usage: unroll.mjs CONFIGURATION STEPS ENGINE float32|mixed
import { readFileSync } from 'node:fs';
import { selectEngine } from '@unroll/trainer';
import { compileStep } from '../training-step.mjs';

const [name, steps, engineName, precision] = process.argv.slice(2);
const configurations = JSON.parse(readFileSync(new URL('configurations.json', import.meta.url), 'utf8'));

async function measure() {
  const engine = await selectEngine(engineName);
  const { executable, inputs } = await compileStep(engine, configurations[name], precision);
  for (let k = 0; k < 3; k++) await executable.run(inputs);
  const seconds = [];
  for (let k = 0; k < Number(steps); k++) {
    const start = performance.now();
    await executable.run(inputs); // its outputs, such as the losses, are then in main memory
    seconds.push((performance.now() - start) / 1000);
  }
  return { engine: engine.description, seconds };
}

try {
  console.log(JSON.stringify(await measure()));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
