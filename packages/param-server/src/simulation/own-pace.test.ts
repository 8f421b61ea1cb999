// Workers that each go at their own pace. Whatever happens, every push is applied once on every shard, and no worker
// gets further ahead of the slowest than the run allows.
import { describe, expect, test } from 'vitest';
import type { NamedValues } from '../vectors/shard-vector.js';
import { simulateTraining } from './simulation.js';
import type { SimulatedTask } from './worker-machine.js';

const [steps, lanes, workers, snapshotEvery] = [12, 6, 3, 4] as const;
const stormy = { loss: 0.2, duplication: 0.2, maxDelay: 5 };

/**
 * The parameters serve as a diary. In row `step`, column `lane`, the gradient of `made` is 1. That of `visits`, on the
 * other shard, is the lane's state, which counts the steps that included the lane. `onStep` is called for each step
 * that begins, with the number of first rows that are complete in the worker's parameters.
 */
function diary(staleness: number, onStep: (step: number, completeRows: number) => void): SimulatedTask {
  const empty = () => ({ made: new Float32Array(steps * lanes), visits: new Float32Array(steps * lanes) });
  return {
    steps,
    learningRate: 1,
    model: {
      parameters: [
        { name: 'made', shape: [steps, lanes] },
        { name: 'visits', shape: [steps, lanes] },
      ],
      optimizer: { name: 'sgd' },
      clipNorm: undefined,
      lanes: { count: lanes, width: 1 },
      staleness,
      run: 'diary',
    },
    initial: empty,
    compute: ({ from, to }, step, parameters, laneStates) => {
      onStep(step, completeRows(parameters));
      const gradients = empty();
      const next = laneStates.map((visits) => visits + 1);
      for (let lane = from; lane < to; lane++) {
        gradients.made[step * lanes + lane] = 1;
        gradients.visits[step * lanes + lane] = next[lane - from]!;
      }
      return { gradients, laneStates: next };
    },
  };
}

/** Each (step, lane) was pushed once, and was that lane's step of this number. */
const complete = {
  made: new Float32Array(steps * lanes).fill(-1),
  visits: Float32Array.from({ length: steps * lanes }, (_, k) => -Math.floor(k / lanes) - 1),
};

describe.each([0, 2, Number.POSITIVE_INFINITY])('with workers %d steps ahead at most', (staleness) => {
  test.each([
    { disturbance: 'calls are lost, repeated and reordered' },
    { disturbance: 'workers are killed', crashes: { workers: 10 } },
    { disturbance: 'servers are killed', crashes: { servers: 4 }, snapshotEvery },
    { disturbance: 'all is killed', crashes: { workers: 5, servers: 4, everything: 2 }, snapshotEvery },
  ])('where $disturbance, every push is applied once', async ({ disturbance, ...given }) => {
    let furthest = 0;
    for (let seed = 1; seed <= 8; seed++) {
      const task = diary(staleness, (step, rows) => {
        const isSnapshot = 'snapshotEvery' in given && step % snapshotEvery === 0;
        furthest = Math.max(furthest, step - rows);
        expect(step - rows, `seed ${seed}, step ${step}`).toBeLessThanOrEqual(isSnapshot ? 0 : staleness);
      });
      const { parameters } = await simulateTraining({ ...given, seed, task, workers, shards: 2, network: stormy });
      const present = parameters.filter((values) => values !== undefined);
      expect(present.length).toBeGreaterThan(0);
      for (const values of present) expect(values, `seed ${seed}`).toEqual(complete);
    }
    expect(furthest).toBeGreaterThanOrEqual(Math.min(staleness, 2));
  });
});

test('servers that are killed before they have a snapshot start the run again', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const task = diary(2, () => undefined);
    const crashes = { servers: 3 };
    const { parameters } = await simulateTraining({ seed, task, workers, shards: 2, network: stormy, crashes });
    expect(parameters, `seed ${seed}`).toContainEqual(complete);
  }
});

/** Counts the rows, from the first, that have every lane in both tables. */
function completeRows({ made, visits }: NamedValues): number {
  const missing = made!.findIndex((value, k) => value === 0 || visits![k] === 0);
  return missing === -1 ? steps : Math.floor(missing / lanes);
}
