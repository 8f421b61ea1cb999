import { describe, expect, test } from 'vitest';
import type { NamedValues } from '../vectors/shard-vector.js';
import { exactTask as task, trainAlone } from './exact-task.js';
import { type SimulationOptions, simulateTraining } from './simulation.js';

const calm = { loss: 0, duplication: 0, maxDelay: 1 };
const stormy = { loss: 0.2, duplication: 0.2, maxDelay: 5 };

const { steps } = task;
const expected = trainAlone(task);
const sizes = [
  { workers: 1, shards: 3 },
  { workers: 3, shards: 2 },
  { workers: 5, shards: 3 },
];

describe.each(sizes)('$workers workers, $shards shards', ({ workers, shards }) => {
  const onceEach = Array.from({ length: shards }, () => Array.from({ length: steps }, (_, i) => i + 1));

  test('a calm run computes what a single machine does', async () => {
    const { parameters } = await simulateTraining({ seed: 0, task, workers, shards, network: calm });
    expectAll(parameters);
  });

  test('whatever is lost, repeated or reordered, each step is applied once', async () => {
    await underSeeds(10, async (seed) => {
      const { parameters, updates } = await simulateTraining({ seed, task, workers, shards, network: stormy });
      expectAll(parameters);
      expect(updates).toEqual(onceEach);
    });
  });

  test('whatever workers are killed, each step is applied once', async () => {
    await underSeeds(12, async (seed) => {
      const options = { seed, task, workers, shards, network: stormy, crashes: { workers: 15 } };
      const { parameters, updates } = await simulateTraining(options);
      expectAll(parameters);
      expect(updates).toEqual(onceEach);
    });
  });

  test('whatever servers are killed, they go back to snapshots of one step and end with the same bits', async () => {
    await underSeeds(12, async (seed) => {
      const crashes = { servers: 8 };
      const options = { seed, task, workers, shards, network: stormy, snapshotEvery: 2, crashes };
      const { parameters, updates } = await simulateTraining(options);
      expectAll(parameters);
      for (const applied of updates) expectNoStepSkipped(applied);
    });
  });

  test('whatever is killed, all at once included, the same bits come out', async () => {
    await underSeeds(15, async (seed) => {
      const crashes = { workers: 5, servers: 5, everything: 3 };
      const options = { seed, task, workers, shards, network: stormy, snapshotEvery: 2, crashes };
      const { parameters, updates } = await simulateTraining(options);
      expectAll(parameters);
      for (const applied of updates) expectNoStepSkipped(applied);
    });
  });
});

test('servers that are killed before they have a snapshot start the run again', async () => {
  await underSeeds(10, async (seed) => {
    const options = { seed, task, workers: 2, shards: 2, network: stormy, crashes: { servers: 3 } };
    expectAll((await simulateTraining(options)).parameters);
  });
});

test('gradients that come in parts, to workers that go on with a part of the parameters, make the same steps', async () => {
  await underSeeds(30, async (seed) => {
    const crashes = { workers: 6, servers: 4, everything: 1 };
    const options = { seed, task: { ...task, inStages: true }, workers: 3, shards: 2, network: stormy, crashes };
    const { parameters, updates } = await simulateTraining({ ...options, snapshotEvery: 2 });
    expectAll(parameters);
    for (const applied of updates) expectNoStepSkipped(applied);
  });
});

test.each([{}, { minWorkers: 1, patienceSeconds: 60, absence: 200 }])(
  'whatever numbers a process claims that was let in, the workers go on to the same bits: %o',
  async (elastic) => {
    await underSeeds(10, async (seed) => {
      const crashes = { lies: 6, servers: 1 };
      const options = { seed, task, workers: 3, shards: 2, network: stormy, snapshotEvery: 2, crashes };
      expectAll((await simulateTraining({ ...options, ...elastic })).parameters);
    });
  },
);

test('in an elastic run the lanes of workers that are away go to the others, and no token is lost or repeated', async () => {
  const away: string[] = [];
  await underSeeds(40, async (seed) => {
    const elastic = { minWorkers: 1, patienceSeconds: 60, absence: 200, snapshotEvery: 2 };
    const options = {
      ...elastic,
      seed,
      task,
      workers: 4,
      shards: 2,
      network: stormy,
      crashes: { workers: 4, servers: 2 },
    };
    const { parameters, notices } = await simulateTraining(options);
    expectAll(parameters);
    away.push(...notices.filter((line) => /^[1-3] of 4 workers share the lanes/.test(line)));
  });
  expect(away.length).toBeGreaterThan(10);
});

test.each([
  { minWorkers: 1, crashes: {} },
  { minWorkers: 3, crashes: { servers: 2 } },
])('a server that stands still for longer than a worker may be silent holds it against none: %o', async (options) => {
  await underSeeds(6, async (seed) => {
    const pauses = { times: 2, seconds: 200 };
    const { parameters, notices } = await simulateTraining({
      ...{ seed, task, workers: 3, shards: 2, network: stormy, snapshotEvery: 2, patienceSeconds: 90 },
      ...{ ...options, crashes: { ...options.crashes, pauses } },
    });
    expectAll(parameters);
    expect(notices.filter((line) => /share the lanes|takes over/.test(line))).toEqual([]);
  });
});

test.each([{}, { minWorkers: 1, patienceSeconds: 60, absence: 200 }])(
  'whatever comes late or again, servers end when all have said goodbye: %o',
  async (elastic) => {
    // So short a run that many messages come after its end.
    const short = { ...task, steps: 1 };
    const network = { ...stormy, echo: { chance: 1, maxDelay: 500 } };
    const common = { task: short, workers: 3, shards: 2, network, crashes: { workers: 2 }, toTheEnd: true };
    await underSeeds(25, async (seed) => {
      expectAll((await simulateTraining({ ...common, ...elastic, seed })).parameters, trainAlone(short));
    });
  },
);

test('a seed repeats its run', async () => {
  const seeded: SimulationOptions = {
    ...{ seed: 7, task, workers: 3, shards: 2, network: stormy, snapshotEvery: 2 },
    crashes: { workers: 3, servers: 3 },
  };
  expect(await simulateTraining(seeded)).toEqual(await simulateTraining(seeded));
});

async function underSeeds(count: number, check: (seed: number) => Promise<void>): Promise<void> {
  for (let seed = 1; seed <= count; seed++) {
    await check(seed).catch((error: Error) => {
      error.message = `seed ${seed}: ${error.message}`;
      throw error;
    });
  }
}

/** Expects every worker that is present at the end to have the parameters of a single machine. */
function expectAll(parameters: readonly (NamedValues | undefined)[], alone = expected): void {
  const present = parameters.filter((values) => values !== undefined);
  expect(present.length).toBeGreaterThan(0);
  for (const values of present) expect(values).toEqual(alone);
}

/** Expects every update to follow the one before it, or a restored snapshot. */
function expectNoStepSkipped(updates: readonly number[]): void {
  let at = 0;
  for (const step of updates) {
    // A process that was killed before its first snapshot begins again.
    if (step > 0 && step !== 1) expect(step).toBe(at + 1);
    at = Math.abs(step);
  }
  expect(at).toBe(steps);
}
