// A run's curves and its workers' rates, computed from events and counts.
import type { WorkerReport } from '@unroll/param-server/client';
import { expect, test } from 'vitest';
import { UsageError } from '../errors.js';
import { Curves } from './curves.js';
import { parsePageAddress } from './page-address.js';
import { WorkerRateMeter } from './worker-rates.js';

const pointAt = (step: number, loss = 1 / step) => ({
  ...{ step, time: step, loss, learningRate: 0.1, gradientNorm: 1, rate: 100 },
});

function curvesOf(steps: number): Curves {
  const curves = new Curves();
  for (let step = 1; step <= steps; step++) curves.add(pointAt(step));
  return curves;
}

test('a short run has a point for each step', () => {
  expect(curvesOf(100).points.map(({ step }) => step)).toEqual(Array.from({ length: 100 }, (_, k) => k + 1));
});

test('a long run has a bounded number of points, each the mean of as many steps, and its latest step as it was', () => {
  const curves = curvesOf(100_000);
  expect(curves.points.length).toBeLessThanOrEqual(2000);
  expect(curves.points.length).toBeGreaterThan(1000);
  const [first] = curves.points;
  const losses = Array.from({ length: first!.step }, (_, k) => 1 / (k + 1));
  expect(first!.loss).toBeCloseTo(losses.reduce((sum, loss) => sum + loss) / losses.length, 12);
  expect(curves.latest).toEqual(pointAt(100_000));
});

test('where a run has gone back, the steps that are made again replace those that were', () => {
  const curves = curvesOf(10);
  curves.addValidation({ step: 9, value: 5 });
  const before = curves.revision;
  curves.add(pointAt(8, 42));
  expect(curves.points.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(curves.latest?.loss).toBe(42);
  expect(curves.validation).toEqual([]);
  expect(curves.revision).not.toBe(before);
});

const nothing: WorkerReport = {
  ...{ steps: 0, tokens: 0, computeSeconds: 0, pushSeconds: 0, waitSeconds: 0, pullSeconds: 0 },
  ...{ sentBytes: 0, receivedBytes: 0, stalenessSum: 0, lossSum: 0 },
  ...{ cpuSeconds: 0, memoryBytes: 0 },
};

function look(meter: WorkerRateMeter, report: Partial<WorkerReport>) {
  const workers = [{ worker: 0, state: 'alive' as const, silentSeconds: 0, report: { ...nothing, ...report } }];
  return meter.look({ workers })[0]!;
}

test('the rates of a worker are those since the last look; without steps they stay, and a new process counts from 0', () => {
  const meter = new WorkerRateMeter();
  expect(look(meter, { steps: 10, tokens: 1000, computeSeconds: 4, waitSeconds: 1 })).toMatchObject({
    tokensPerSecond: 200,
    phases: { compute: 0.4, push: 0, wait: 0.1, pull: 0 },
  });
  const second = { steps: 12, tokens: 1200, computeSeconds: 4.2, waitSeconds: 1.2, sentBytes: 80, stalenessSum: 3 };
  expect(look(meter, second)).toMatchObject({ sentBytes: 40, staleness: 1.5 });
  expect(look(meter, second).tokensPerSecond).toBeCloseTo(500);
  expect(look(meter, { steps: 1, tokens: 100, computeSeconds: 1 })).toMatchObject({ steps: 1, tokensPerSecond: 100 });
});

test('the cores of a process are those since its last word, and unknown at first and after a restart', () => {
  const meter = new WorkerRateMeter();
  const coresOf = (cpuSeconds: number, silentSeconds: number, now: number) => {
    const report = { ...nothing, cpuSeconds, memoryBytes: 5 };
    return meter.look({ workers: [{ worker: 0, state: 'alive', silentSeconds, report }] }, now)[0]!.cores;
  };
  expect(coresOf(10, 0, 100)).toBeUndefined();
  // It was heard 2 s ago, 4 s after the first time.
  expect(coresOf(16, 2, 106)).toBe(1.5);
  expect(coresOf(16, 3, 107)).toBe(1.5);
  expect(coresOf(1, 0, 108)).toBeUndefined();
  const serverAt = (cpuSeconds: number, now: number) =>
    meter.lookAtServers({ servers: [{ address: 'a:1', answers: true, use: { cpuSeconds, memoryBytes: 7 } }] }, now)[0];
  serverAt(1, 100);
  expect(serverAt(2, 104)).toEqual({ address: 'a:1', answers: true, cores: 0.25, memoryBytes: 7 });
});

test('the address of the page is a port, or a host and a port', () => {
  expect(parsePageAddress('8080', false)).toEqual({ host: '127.0.0.1', port: 8080 });
  expect(parsePageAddress('localhost:0', false)).toEqual({ host: 'localhost', port: 0 });
  expect(parsePageAddress('[::1]:8080', false)).toEqual({ host: '::1', port: 8080 });
  expect(parsePageAddress('0.0.0.0:8080', true)).toEqual({ host: '0.0.0.0', port: 8080 });
});

test.each(['', 'here', '99999', '::1:80', '[localhost]:80', '127.0.0.1:'])('%o is no address', (text) => {
  expect(() => parsePageAddress(text, false)).toThrow(UsageError);
});

test.each(['0.0.0.0:8080', '[::]:8080', 'example.org:80'])('%s is refused unless the page may be public', (text) => {
  expect(() => parsePageAddress(text, false)).toThrow('--insecure-public');
});
