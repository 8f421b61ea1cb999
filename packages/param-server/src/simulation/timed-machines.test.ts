// Runs whose machines have a speed take as long as their bytes and their work do.
import { expect, test } from 'vitest';
import { exactTask } from './exact-task.js';
import { simulateTraining } from './simulation.js';

/** The parameters of the task and their gradients stand for 100 MB. */
const [megabytes, computing] = [100, 2];
const bytesOfTask = 4 * 13;
const scale = (1e6 * megabytes) / bytesOfTask;
const free = { perByteSent: 0, perByteReceived: 0 };

async function secondsOfStep(workers: number, gigabytesPerSecond: number, perByteUpdated = 0): Promise<number> {
  const rate = 1e9 * gigabytesPerSecond;
  const { stepStarts, parameters } = await simulateTraining({
    ...{ seed: 1, workers, shards: 1, network: { loss: 0, duplication: 0, maxDelay: 0 }, task: exactTask },
    speeds: {
      ...{ link: { out: rate, in: rate }, latency: 1e-6, worker: free, server: { ...free, perByteUpdated } },
      ...{ scale: { up: scale, down: scale }, computeSeconds: () => computing },
    },
  });
  expect(parameters[0]).toEqual(parameters.at(-1));
  const [starts] = stepStarts;
  return (starts!.at(-1)! - starts![1]!) / (starts!.length - 2);
}

test.each([
  [1, 0.1],
  [2, 0.1],
  [3, 1],
])('with %d workers and %d GB/s, gradients and parameters pass one link', async (workers, rate) => {
  const seconds = computing + (2 * workers * megabytes) / 1000 / rate;
  const step = await secondsOfStep(workers, rate);
  // Late workers still receive when early ones send again. The states of lanes travel, too.
  expect(step / seconds).toBeGreaterThan(0.9);
  expect(step / seconds).toBeLessThan(1.3);
});

test('an update takes its time once', async () => {
  const extra = (await secondsOfStep(2, 100, 5e-9)) - (await secondsOfStep(2, 100));
  expect(extra).toBeCloseTo(0.5, 1);
});
