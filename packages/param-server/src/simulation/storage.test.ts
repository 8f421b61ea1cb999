// Slow and failing disks, under crashes, with a worker 0 that continues from checkpoints: the bits come out the same.
import { expect, test } from 'vitest';
import { exactTask as task, trainAlone } from './exact-task.js';
import { simulateTraining } from './simulation.js';

const expected = trainAlone(task);
const stormy = { loss: 0.1, duplication: 0.2, maxDelay: 2 };
const schedules = process.env.UNROLL_LONG_TESTS ? 400 : 40;

test.each([
  { disk: { slowness: 60, failures: 0 }, shards: 1 },
  { disk: { slowness: 60, failures: 0.3 }, shards: 2 },
])('with $shards shards and disks that take $disk.slowness s and fail $disk.failures of the time', async (options) => {
  const seeds = Array.from({ length: schedules }, (_, k) => k + 1);
  for (const seed of seeds) {
    const crashes = { workers: 8, servers: 4, everything: 2 };
    const common = { seed, task, workers: 2, network: stormy, snapshotEvery: 2, checkpointEvery: 3, crashes };
    const { parameters } = await simulateTraining({ ...common, ...options }).catch((error: Error) => {
      throw new Error(`seed ${seed}: ${error.message}`);
    });
    const present = parameters.filter((values) => values !== undefined);
    expect(present.length, `seed ${seed}`).toBeGreaterThan(0);
    for (const values of present) expect(values, `seed ${seed}`).toEqual(expected);
  }
});
