import { describe, expect, test } from 'vitest';
import type { NamedValues } from '../shard-vector.js';
import { type SimulationOptions, simulateTraining } from './simulation.js';

const steps = 8;
const learningRate = 0.1;
const parameters = [
  { name: 'table', shape: [5, 2] },
  { name: 'bias', shape: [3] },
];
const calm = { loss: 0, duplication: 0, maxDelay: 1 };
const stormy = { loss: 0.2, duplication: 0.2, maxDelay: 5 };

describe.each([
  { workers: 1, shards: 3 },
  { workers: 3, shards: 2 },
  { workers: 5, shards: 3 },
])('$workers workers, $shards shards', ({ workers, shards }) => {
  test('a calm run computes what a single machine does', async () => {
    const { parameters } = await simulateTraining(options({ workers, shards, network: calm }));
    for (const values of parameters) expect(values).toEqual(trainAlone(workers));
  });

  test.each([1, 2, 3, 4, 5])('loss, repetition and reordering change nothing, seed %i', async (seed) => {
    const { parameters, updates } = await simulateTraining(options({ seed, workers, shards, network: stormy }));
    for (const values of parameters) expect(values).toEqual(trainAlone(workers));
    for (const applied of updates) expect(applied).toEqual(Array.from({ length: steps }, (_, i) => i + 1));
  });

  // Seed 1099: a worker rejoins while the others go on, so that shards answer it from different steps.
  test.each([11, 12, 13, 14, 15, 16, 17, 1099])(
    'killed and restarted workers change nothing, seed %i',
    async (seed) => {
      const crashing = options({ seed, workers, shards, network: stormy, crashes: 15 });
      const { parameters, updates } = await simulateTraining(crashing);
      for (const values of parameters) expect(values).toEqual(trainAlone(workers));
      for (const applied of updates) expect(applied).toEqual(Array.from({ length: steps }, (_, i) => i + 1));
    },
  );
});

test('a seed repeats its run', async () => {
  const seeded = options({ seed: 7, workers: 3, shards: 2, network: stormy, crashes: 3 });
  expect(await simulateTraining(seeded)).toEqual(await simulateTraining(seeded));
});

function options(
  chosen: Pick<SimulationOptions, 'workers' | 'shards' | 'network'> & Partial<SimulationOptions>,
): SimulationOptions {
  const model = { parameters, optimizer: { name: 'sgd' }, clipNorm: undefined } as const;
  return { seed: 0, steps, crashes: 0, model, initial: { parameters: initial() }, learningRate, gradients, ...chosen };
}

function initial(): { table: Float32Array; bias: Float32Array } {
  return { table: Float32Array.from({ length: 10 }, (_, i) => Math.sin(i)), bias: new Float32Array(3) };
}

function gradients(worker: number, step: number, values: NamedValues) {
  const gradient = (array: Float32Array) => array.map((value, i) => Math.sin(value * (worker + 1) + step + i));
  return { table: gradient(values.table!), bias: gradient(values.bias!) };
}

/** Gradient descent on one machine, with sums in worker order and float32, as the protocol promises them. */
function trainAlone(workers: number): NamedValues {
  const values = initial();
  for (let step = 0; step < steps; step++) {
    const all = Array.from({ length: workers }, (_, worker) => gradients(worker, step, values));
    for (const name of ['table', 'bias'] as const) {
      for (const [i, value] of values[name].entries()) {
        const sum = all.reduce((total, gradient) => Math.fround(total + gradient[name][i]!), 0);
        values[name][i] = value - learningRate * Math.fround(sum / workers);
      }
    }
  }
  return values;
}
