// Steps made without the slowest workers. Whatever happens, all shards make each step from the same workers' gradients,
// weigh them as a whole batch, and leave the states of the other lanes unchanged.
import { expect, test } from 'vitest';
import type { NamedValues } from '../vectors/shard-vector.js';
import { simulateTraining } from './simulation.js';
import type { SimulatedTask } from './worker-machine.js';

const [steps, lanes, workers] = [10, 6, 3] as const;
const stormy = { loss: 0.2, duplication: 0.2, maxDelay: 5 };

/**
 * The parameters serve as a diary. In row `step`, column `lane`, the gradient of `counted` is 1. That of `visits`, on
 * the other shard, is the lane's state, which counts the steps that included the lane.
 */
const task: SimulatedTask = {
  steps,
  learningRate: 1,
  model: {
    parameters: [
      { name: 'counted', shape: [steps, lanes] },
      { name: 'visits', shape: [steps, lanes] },
    ],
    optimizer: { name: 'sgd' },
    clipNorm: undefined,
    lanes: { count: lanes, width: 1 },
    run: 'diary',
  },
  initial: () => ({ counted: new Float32Array(steps * lanes), visits: new Float32Array(steps * lanes) }),
  compute: ({ from, to }, step, _, laneStates) => {
    const gradients = { counted: new Float32Array(steps * lanes), visits: new Float32Array(steps * lanes) };
    const next = laneStates.map((visits) => visits + 1);
    for (let lane = from; lane < to; lane++) {
      gradients.counted[step * lanes + lane] = 1;
      gradients.visits[step * lanes + lane] = next[lane - from]!;
    }
    return { gradients, laneStates: next };
  },
};

test.each([
  { disturbance: 'calls are lost, repeated and reordered', backupWorkers: 1 },
  { disturbance: 'workers are killed', backupWorkers: 1, crashes: { workers: 10 } },
  {
    disturbance: 'all is killed',
    backupWorkers: 1,
    crashes: { workers: 5, servers: 4, everything: 2 },
    snapshotEvery: 2,
  },
  { disturbance: 'workers stay away', backupWorkers: 2, crashes: { workers: 6 }, patienceSeconds: 60, absence: 300 },
])(
  'where $disturbance, steps are made of the first workers and each counts once',
  async ({ disturbance, ...given }) => {
    let spared = 0;
    for (let seed = 1; seed <= 15; seed++) {
      const { parameters } = await simulateTraining({ ...given, seed, task, workers, shards: 2, network: stormy });
      const present = parameters.filter((values) => values !== undefined);
      for (const values of present) expect(values, `seed ${seed}`).toEqual(present[0]);
      spared += sparedIn(present[0]!, `seed ${seed}`);
    }
    expect(spared).toBeGreaterThan(15);
  },
);

/** Reads the diary, and returns how often a lane was left out. */
function sparedIn({ counted, visits }: NamedValues, run: string): number {
  const seen = new Array<number>(lanes).fill(0);
  let spared = 0;
  for (let step = 0; step < steps; step++) {
    const row = counted!.subarray(step * lanes, (step + 1) * lanes);
    const weights = row.filter((weight) => weight !== 0);
    expect([-1, -1.5, -3], `${run}, step ${step}`).toContain(weights[0]);
    expect(
      weights.reduce((sum, weight) => sum + weight, 0),
      `${run}, step ${step}`,
    ).toBe(-lanes);
    for (const [lane, weight] of row.entries()) {
      if (weight === 0) spared += 1;
      else seen[lane]! += 1;
      expect(visits![step * lanes + lane], `${run}, step ${step}, lane ${lane}`).toBe(
        weight === 0 ? 0 : weight * seen[lane]!,
      );
    }
  }
  return spared;
}
