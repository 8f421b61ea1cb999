// Times Unroll's training step, with as many steps per call as in `unroll train`. One JSON line: seconds of each step,
// and the process's peak memory.
//   usage: unroll.mjs CONFIGURATION STEPS THREADS
import { readFileSync } from 'node:fs';
import { runMany, selectEngine } from '@unroll/trainer';
// The number of steps per call is not part of the package's interface.
import { StepsAtOnce } from '../../packages/trainer/dist/training/learners/steps-at-once.js';
import { compileStep } from '../training-step.mjs';

const [name, steps, threads] = process.argv.slice(2);
const configurations = JSON.parse(readFileSync(new URL('configurations.json', import.meta.url), 'utf8'));
const engine = await selectEngine('onnxruntime', Number(threads));
const { executable, shapes, inputs } = await compileStep(engine, configurations[name]);
const length = new StepsAtOnce(shapes);

/** Returns the seconds of each of these steps. */
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
