// What Prometheus reads of a server through which a real worker trains.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { connectParameterServers, type ParameterServer, startParameterServer } from '../index.js';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function serve(metricsPort?: number): Promise<ParameterServer> {
  const server = await startParameterServer({
    ...{ port: 0, workers: 1, version: '1' },
    ...(metricsPort === undefined ? {} : { metricsPort }),
  });
  cleanups.push(() => server.close());
  return server;
}

/** Joins as worker 0 and takes three steps. */
async function train({ port }: ParameterServer): Promise<void> {
  const client = connectParameterServers({
    ...{ servers: [`127.0.0.1:${port}`], worker: 0, workers: 1, incarnation: 1, version: '1' },
    ...{ parameters: [{ name: 'kernel', shape: [4, 2] }], optimizer: { name: 'sgd' }, clipNorm: 5 },
    lanes: { count: 2, width: 1 },
    run: 'a test',
    start: { values: async () => ({ parameters: { kernel: new Float32Array(8) } }) },
  });
  cleanups.push(() => client.close());
  await client.enter({ kernel: new Float32Array(8) });
  while (client.step < 3) {
    const gradients = { kernel: new Float32Array(8).fill(1) };
    await client.update({ gradients, learningRate: 0.1, laneStates: new Float32Array(2) });
  }
}

const metricsOf = async ({ metricsPort }: ParameterServer) =>
  (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();

/** The value of the metric with these labels. */
function figure(metrics: string, name: string, labels = 'shard="0"'): number {
  return Number(new RegExp(`^${name}\\{${labels}\\} (.*)$`, 'm').exec(metrics)?.[1]);
}

test('a server counts gradients, updates and the step, and when it last heard of whom', async () => {
  const server = await serve(0);
  await train(server);
  const metrics = await metricsOf(server);
  expect(figure(metrics, 'unroll_gradients_total')).toBe(3);
  expect(figure(metrics, 'unroll_updates_total')).toBe(3);
  expect(figure(metrics, 'unroll_add_seconds_count')).toBe(3);
  expect(figure(metrics, 'unroll_step')).toBe(3);
  expect(figure(metrics, 'unroll_snapshots_total')).toBe(0);
  expect(figure(metrics, 'unroll_worker_heard_timestamp_seconds', 'worker="0",shard="0"')).toBeGreaterThan(1e9);
  expect(metrics).not.toContain('worker="1"');
});

test('every metric says what it is', async () => {
  const metrics = await metricsOf(await serve(0));
  const ofOurs = [...metrics.matchAll(/^# TYPE (unroll_\w+)/gm)].map((match) => match[1]!);
  expect(ofOurs.length).toBeGreaterThan(5);
  for (const name of ofOurs) expect(metrics).toMatch(new RegExp(`^# HELP ${name} .+`, 'm'));
  expect(metrics).toContain('process_cpu_seconds_total');
});

test('there is nothing but GET /metrics', async () => {
  const { metricsPort } = await serve(0);
  const address = `http://127.0.0.1:${metricsPort}`;
  expect((await fetch(`${address}/`)).status).toBe(404);
  expect((await fetch(`${address}/metrics`, { method: 'POST' })).status).toBe(404);
});

test('without a port for them there are no metrics', async () => {
  expect((await serve()).metricsPort).toBeUndefined();
});

test('a port that is taken is named', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  cleanups.push(async () => void other.close());
  await expect(serve(port)).rejects.toThrow(`cannot serve metrics on 127.0.0.1:${port}`);
});
