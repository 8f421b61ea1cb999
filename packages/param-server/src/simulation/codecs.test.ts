// Runs whose workers hold back a part of their gradients, under crashes: the bits are the same as in an undisturbed
// run.
import { describe, expect, test } from 'vitest';
import type { GradientCodec } from '../codecs/codec.js';
import { type SimulationOptions, simulateTraining } from './simulation.js';
import type { SimulatedTask } from './worker-machine.js';

const steps = 12;
const [rows, columns] = [40, 36];
const calm = { loss: 0, duplication: 0, maxDelay: 1 };
const stormy = { loss: 0.2, duplication: 0.2, maxDelay: 5 };

const task = (codec: GradientCodec): SimulatedTask => ({
  codec,
  steps,
  learningRate: 0.1,
  model: {
    parameters: [
      { name: 'kernel', shape: [rows, columns] },
      { name: 'bias', shape: [3] },
    ],
    optimizer: { name: 'sgd' },
    clipNorm: undefined,
    lanes: { count: 6, width: 1 },
    run: 'simulated',
  },
  initial: () => ({ kernel: new Float32Array(rows * columns).map((_, i) => Math.sin(i)), bias: new Float32Array(3) }),
  compute: ({ from, to }, step, { kernel, bias }, laneStates) => {
    const gradients = { kernel: new Float32Array(rows * columns), bias: new Float32Array(3) };
    for (let lane = from; lane < to; lane++) {
      for (const [i, value] of kernel!.entries()) gradients.kernel[i]! += Math.sin(value * (lane + 1) + step + i);
      for (const [i, value] of bias!.entries()) gradients.bias[i]! += Math.cos(value + step + i);
    }
    return { gradients, laneStates };
  },
});

const codecs: GradientCodec[] = [
  { name: 'bfloat16' },
  { name: 'int8' },
  { name: 'power-sgd', rank: 2 },
  { name: 'top-k', density: 0.02, momentum: 0.5, isNesterov: false, clipNorm: 10 },
];

describe.each(codecs)('with the codec $name', (codec) => {
  const run = (options: Partial<SimulationOptions>) =>
    simulateTraining({
      ...{ seed: 0, task: task(codec), workers: 3, shards: 2, network: calm, snapshotEvery: 4 },
      ...options,
    });
  const undisturbed = run({});

  test('all workers end with the same parameters, and not with those of float32', async () => {
    const { parameters } = await undisturbed;
    for (const values of parameters) expect(values).toEqual(parameters[0]);
    const exact = await run({ task: task({ name: 'float32' }) });
    expect(parameters[0]).not.toEqual(exact.parameters[0]);
  });

  test('whatever is killed, lost or repeated, the same bits come out', async () => {
    const expected = (await undisturbed).parameters[0];
    for (let seed = 1; seed <= 8; seed++) {
      const crashes = { workers: 4, servers: 2, everything: 1 };
      const { parameters } = await run({ seed, network: stormy, crashes });
      for (const values of parameters.filter((present) => present)) expect(values, `seed ${seed}`).toEqual(expected);
    }
  });
});

test('a worker that comes back without what it held back has the servers go back to a snapshot', async () => {
  const { notices } = await simulateTraining({
    ...{ seed: 3, task: task({ name: 'int8' }), workers: 2, shards: 1, network: calm, snapshotEvery: 4 },
    crashes: { workers: 4 },
  });
  expect(notices.some((line) => /^worker \d was started again at step \d+: back/.test(line))).toBe(true);
  expect(notices.some((line) => line.endsWith('from its snapshot'))).toBe(true);
});

describe('three workers and one', () => {
  const [lanes, learningRate] = [6, 0.1];
  /** Least squares, which forget errors instead of magnifying them: values and targets lie in [-1, 1]. */
  const leastSquares = (codec: GradientCodec): SimulatedTask => ({
    ...task(codec),
    learningRate,
    compute: ({ from, to }, step, { kernel, bias }, laneStates) => {
      const part = (values: Float32Array) =>
        values.map((value, i) => {
          let sum = 0;
          for (let lane = from; lane < to; lane++) sum += (value - Math.sin(7 * lane + 3 * step + i)) / lanes;
          return sum;
        });
      return { gradients: { kernel: part(kernel!), bias: part(bias!) }, laneStates };
    },
  });
  /** Returns the greatest difference between the two final results. */
  const difference = async (codec: GradientCodec) => {
    const [three, one] = await Promise.all(
      [3, 1].map(async (workers) => {
        const { parameters } = await simulateTraining({
          ...{ seed: 0, task: leastSquares(codec), workers, shards: 2, network: calm },
        });
        return parameters[0]!.kernel!;
      }),
    );
    return Math.max(...three!.map((value, i) => Math.abs(value - one![i]!)));
  };

  test('in float32 end with the same parameters, to the rounding of sums', async () => {
    expect(await difference({ name: 'float32' })).toBeLessThan(1e-6);
  });

  test('in bfloat16 differ by what rounds off: each part of a gradient to one in 256, where one worker rounds the sum', async () => {
    const found = await difference({ name: 'bfloat16' });
    expect(found).toBeGreaterThan(1e-6);
    // Both runs round parts and sums, which total at most 2, and a step applies a tenth of them.
    expect(found).toBeLessThan(steps * learningRate * 2 * (2 / 256));
  });
});
