// Decisions on which process is believed and which worker is the chief: two processes of one worker at once, workers
// that leave and come back, and a worker 0 that is killed for good. The bits come out the same, and the last checkpoint
// is complete.
import { expect, test } from 'vitest';
import { exactTask as task, trainAlone } from './exact-task.js';
import { type SimulationOptions, simulateTraining } from './simulation.js';

const expected = trainAlone(task);
const stormy = { loss: 0.1, duplication: 0.2, maxDelay: 2 };
const schedules = process.env.UNROLL_LONG_TESTS ? 300 : 20;

/** Runs all schedules to their end and checks the bits and the checkpoint. Returns the shards' notices. */
async function simulate(options: Partial<SimulationOptions>): Promise<string[]> {
  const said: string[] = [];
  for (let seed = 1; seed <= schedules; seed++) {
    const common = { seed, task, workers: 3, shards: 2, network: stormy, snapshotEvery: 2, checkpointEvery: 3 };
    const { parameters, checkpoint, notices } = await simulateTraining({ ...common, ...options }).catch(
      (error: Error) => {
        throw new Error(`seed ${seed}: ${error.message}`);
      },
    );
    const present = parameters.filter((values) => values !== undefined);
    expect(present.length, `seed ${seed}`).toBeGreaterThan(0);
    for (const values of present) expect(values, `seed ${seed}`).toEqual(expected);
    expect(checkpoint, `seed ${seed}`).toMatchObject({ step: task.steps, parameters: expected });
    said.push(...notices);
  }
  return said;
}

test('of two processes of one worker one goes on, whatever else is killed', async () => {
  await simulate({ crashes: { copies: 4, workers: 3, servers: 2, everything: 1 } });
});

const elastic = { minWorkers: 1, patienceSeconds: 60, absence: 200 };

test('the run ends without worker 0, which another worker replaces as the chief', async () => {
  const said = await simulate({ ...elastic, crashes: { forGood: [0], workers: 2 }, toTheEnd: true });
  expect(said.filter((line) => line.includes('takes over the checkpoints from worker 0')).length).toBeGreaterThan(
    schedules / 2,
  );
});

test('chiefs are replaced one after the other, and servers are killed meanwhile', async () => {
  await simulate({ ...elastic, crashes: { forGood: [0, 1], servers: 3, copies: 2 } });
});

test('workers that leave and come back cost nothing', async () => {
  await simulate({ ...elastic, crashes: { goodbyes: 6, workers: 1, servers: 1 } });
});
