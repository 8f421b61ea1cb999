// Row tables under whatever happens: every row of every push counts once, and the bits are those of a calm run.
import { describe, expect, test } from 'vitest';
import type { NamedValues } from '../vectors/shard-vector.js';
import { type SimulationOptions, simulateTraining } from './simulation.js';
import type { SimulatedTask } from './worker-machine.js';

const [steps, lanes, rows, width] = [12, 6, 20, 2] as const;
const calm = { loss: 0, duplication: 0, maxDelay: 1 };
const stormy = { loss: 0.2, duplication: 0.2, maxDelay: 5 };

/** Rounds to numbers whose float32 sums are exact, so that it makes no difference which worker computes which lane. */
const coarse = (value: number) => Math.round(value * 64) / 64;

/** The two rows that a lane looks up. */
const rowsOfLane = (lane: number, step: number) => [(lane * step) % rows, (lane + 7 * step) % rows];

const idsOf = (from: number, to: number, step: number) => {
  const ids = new Set(Array.from({ length: to - from }, (_, k) => rowsOfLane(from + k, step)).flat());
  return Int32Array.from(ids).sort();
};

/**
 * Adds half of each lane's contribution to the bias, based on the values of the looked-up rows, so that a lost row
 * shows.
 */
function gradientsOf(from: number, to: number, step: number, bias: Float32Array, ids: Int32Array, table: Float32Array) {
  const gradients = { bias: new Float32Array(3), table: { rows: ids, values: new Float32Array(table.length) } };
  for (let lane = from; lane < to; lane++) {
    for (const row of rowsOfLane(lane, step)) {
      const place = ids.indexOf(row) * width;
      for (let k = 0; k < width; k++) {
        const value = coarse(Math.sin(table[place + k]! * (lane + 1) + bias[k]! + step));
        gradients.table.values[place + k]! += value;
        gradients.bias[k]! += coarse(value / 2);
      }
    }
  }
  return gradients;
}

const initial = () => ({
  bias: new Float32Array(3),
  table: Float32Array.from({ length: rows * width }, (_, i) => coarse(Math.cos(i))),
});

const task: SimulatedTask = {
  steps,
  learningRate: 0.5,
  model: {
    parameters: [
      { name: 'bias', shape: [3] },
      { name: 'table', shape: [rows, width], byRows: true },
    ],
    optimizer: { name: 'sgd' },
    clipNorm: undefined,
    lanes: { count: lanes, width: 1 },
    run: 'tables',
  },
  initial,
  rowIds: ({ from, to }, step) => ({ table: idsOf(from, to, step) }),
  compute: ({ from, to }, step, { bias, table }, laneStates) => ({
    gradients: gradientsOf(from, to, step, bias!, idsOf(from, to, step), table!),
    laneStates,
  }),
};

/** Returns the result of one machine with whole tables. */
function trainAlone(): NamedValues {
  const { bias, table } = initial();
  for (let step = 0; step < steps; step++) {
    const ids = idsOf(0, lanes, step);
    const looked = Float32Array.from(
      { length: ids.length * width },
      (_, k) => table[ids[Math.floor(k / width)]! * width + (k % width)]!,
    );
    const gradients = gradientsOf(0, lanes, step, bias, ids, looked);
    for (const [k, value] of gradients.bias.entries()) bias[k]! -= task.learningRate * value;
    for (const [k, value] of gradients.table.values.entries()) {
      table[ids[Math.floor(k / width)]! * width + (k % width)]! -= task.learningRate * value;
    }
  }
  return { bias, table };
}

const expected = trainAlone();

describe.each([
  { workers: 1, shards: 3 },
  { workers: 3, shards: 2 },
])('$workers workers, $shards shards', ({ workers, shards }) => {
  const run = (options: Partial<SimulationOptions>) =>
    simulateTraining({ seed: 0, task, workers, shards, network: stormy, ...options });

  test('a calm run computes what a single machine with whole tables does', async () => {
    const { parameters } = await run({ network: calm });
    expect(parameters).toEqual(Array(workers).fill(expected));
  });

  test.each([
    { disturbance: 'calls are lost, repeated and reordered' },
    { disturbance: 'workers are killed', crashes: { workers: 10 } },
    { disturbance: 'servers are killed', crashes: { servers: 4 }, snapshotEvery: 3 },
    { disturbance: 'all is killed', crashes: { workers: 5, servers: 4, everything: 2 }, snapshotEvery: 3 },
  ])('where $disturbance, the same comes out', async ({ disturbance, ...options }) => {
    for (let seed = 1; seed <= 10; seed++) {
      const { parameters } = await run({ seed, ...options });
      const present = parameters.filter((values) => values !== undefined);
      expect(present.length).toBeGreaterThan(0);
      for (const values of present) expect(values, `seed ${seed}`).toEqual(expected);
    }
  });
});
