import { expect, test } from 'vitest';
import { readReport, reportFields, WorkerMeter } from './worker-meter.js';

const reportOf = ({ counts }: WorkerMeter) =>
  readReport(Object.fromEntries(reportFields.map((field, k) => [field, counts[k]!])));

test('what travels while a gradient is computed costs nothing', () => {
  const meter = new WorkerMeter();
  meter.begin();
  meter.computes();
  meter.addTransfer('push', 0, 1);
  meter.computed();
  meter.end({ tokens: 10, lossSum: 20 });
  const { steps, tokens, pushSeconds } = reportOf(meter);
  expect({ steps, tokens, pushSeconds }).toEqual({ steps: 1, tokens: 10, pushSeconds: 0 });
});

test('what began to travel while a gradient was computed costs what it takes beyond that', async () => {
  const meter = new WorkerMeter();
  const began = performance.now();
  meter.begin();
  meter.computes();
  meter.computed();
  await new Promise((resolve) => setTimeout(resolve, 5));
  meter.addTransfer('push', 0, 0.5);
  meter.addTransfer('pull', 0, 0.25);
  meter.end({ tokens: 10, lossSum: 20 });
  const { pushSeconds, pullSeconds } = reportOf(meter);
  expect(pushSeconds).toBeGreaterThan(0);
  expect(pullSeconds).toBeGreaterThan(0);
  expect(pushSeconds + pullSeconds).toBeLessThanOrEqual((performance.now() - began) / 1000);
});
