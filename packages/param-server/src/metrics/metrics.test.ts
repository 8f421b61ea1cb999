// The metrics that Prometheus reads from a server while a real worker trains.

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Gauge, Registry } from 'prom-client';
import { afterEach, expect, test } from 'vitest';
import {
  connectParameterServers,
  connectRunStatus,
  type ParameterClient,
  type ParameterServer,
  type SnapshotPolicy,
  startParameterServer,
  WorkerMeter,
} from '../index.js';
import { gateLimits } from '../security/connection-gate.js';
import { RefusalLog } from '../security/refusal-log.js';
import { serveMetrics } from './metrics-endpoint.js';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function serve(
  metricsPort?: number,
  options: Partial<Parameters<typeof startParameterServer>[0]> = {},
): Promise<ParameterServer> {
  const server = await startParameterServer({
    // Workers beat six times per lease.
    ...{ port: 0, workers: 1, version: '1', leaseSeconds: 0.6, ...options },
    ...(metricsPort === undefined ? {} : { metricsPort }),
  });
  cleanups.push(() => server.close());
  return server;
}

function clientOptions(
  { port }: Pick<ParameterServer, 'port'>,
  place = { worker: 0, workers: 1 },
): Parameters<typeof connectParameterServers>[0] {
  return {
    ...{ serverAddresses: [`127.0.0.1:${port}`], ...place, version: '1' },
    ...{ parameters: [{ name: 'kernel', shape: [4, 2] }], optimizer: { name: 'sgd' }, clipNorm: 5 },
    lanes: { count: 2, width: 1 },
    run: 'a test',
    start: { values: async () => ({ parameters: { kernel: new Float32Array(8) } }) },
  };
}

/** Joins as worker 0 and takes three steps of two tokens each. */
async function train({ port }: ParameterServer, snapshots: SnapshotPolicy = 'refuse'): Promise<ParameterClient> {
  const meter = new WorkerMeter();
  const options = clientOptions({ port });
  const client = connectParameterServers({ ...options, start: { ...options.start, snapshots }, meter });
  cleanups.push(() => client.close());
  await client.enter({ kernel: new Float32Array(8) });
  while (client.step < 3) {
    meter.begin();
    const gradients = { kernel: new Float32Array(8).fill(1) };
    meter.computed();
    await client.update({ gradients, learningRate: 0.1, laneStates: new Float32Array(2) });
    meter.end({ tokens: 2, lossSum: 3 });
  }
  return client;
}

const metricsOf = async ({ metricsPort }: Pick<ParameterServer, 'metricsPort'>) =>
  (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();

/** Returns the value of the metric with these labels. */
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
  expect(figure(metrics, 'unroll_learning_rate')).toBeCloseTo(0.1);
  expect(figure(metrics, 'unroll_snapshots_total')).toBe(0);
  const silence = figure(metrics, 'unroll_worker_silent_seconds', 'worker="0",shard="0"');
  expect(silence >= 0 && silence < 600, `${silence}`).toBe(true);
  expect(metrics).not.toContain('worker="1"');
});

test('a worker tells the first server what it has done, which tells whoever asks, and Prometheus', async () => {
  const server = await serve(0);
  const client = await train(server);
  const reader = connectRunStatus([`127.0.0.1:${server.port}`]);
  cleanups.push(async () => reader.close());
  await expect.poll(async () => (await reader.read()).workers[0]?.report.steps).toBe(3);
  const { servers, workers } = await reader.read();
  expect(workers).toHaveLength(1);
  const [{ state, report }] = workers as [(typeof workers)[0]];
  expect(state).toBe('alive');
  expect(report.tokens).toBe(6);
  expect(Math.min(report.pushSeconds, report.pullSeconds, report.waitSeconds)).toBeGreaterThan(0);
  // Three gradients of 8 numbers, and the parameters once more for the start.
  expect(report.sentBytes).toBeGreaterThan(3 * 32);
  expect(report.receivedBytes).toBeGreaterThan(4 * 32);
  const [{ use }] = servers as [(typeof servers)[0]];
  for (const { cpuSeconds, memoryBytes } of [report, use!]) {
    expect(cpuSeconds).toBeGreaterThan(0);
    expect(memoryBytes).toBeGreaterThan(2 ** 20);
  }

  const metrics = await metricsOf(server);
  expect(figure(metrics, 'unroll_worker_steps_total', 'worker="0",shard="0"')).toBe(3);
  expect(figure(metrics, 'unroll_worker_tokens_total', 'worker="0",shard="0"')).toBe(6);
  expect(figure(metrics, 'unroll_worker_loss_nats_total', 'worker="0",shard="0"')).toBe(9);
  expect(figure(metrics, 'unroll_workers')).toBe(1);
  expect(figure(metrics, 'unroll_workers_alive')).toBe(1);
  expect(figure(metrics, 'unroll_connections')).toBeGreaterThan(0);
  const phases = ['compute', 'push', 'wait', 'pull'].map((phase) =>
    figure(metrics, 'unroll_worker_seconds_total', `worker="0",phase="${phase}",shard="0"`),
  );
  expect(phases.every((seconds) => seconds >= 0)).toBe(true);

  await client.close();
  await server.done;
  const [gone] = (await reader.read()).servers;
  expect(gone?.answers).toBe(false);
});

test('a worker that leaves is seen to have left', async () => {
  const server = await startParameterServer({ port: 0, workers: 2, version: '1', leaseSeconds: 0.6 });
  cleanups.push(() => server.close());
  const client = connectParameterServers(clientOptions(server, { worker: 0, workers: 2 }));
  cleanups.push(() => client.close());
  await client.enter({ kernel: new Float32Array(8) });
  const reader = connectRunStatus([`127.0.0.1:${server.port}`]);
  cleanups.push(async () => reader.close());
  const becomes = (state: string) => expect.poll(async () => (await reader.read()).workers[0]?.state).toBe(state);
  await becomes('alive');
  await client.close();
  await becomes('left');
});

test('snapshots count when they are on disk, and failures when they are not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'unroll-metrics-'));
  cleanups.push(async () => rmSync(folder, { recursive: true, force: true }));
  const written = await serve(0, { snapshots: { folder, every: 2, keep: 2 } });
  await train(written);
  await expect.poll(async () => figure(await metricsOf(written), 'unroll_snapshots_total')).toBe(1);
  const metrics = await metricsOf(written);
  expect(figure(metrics, 'unroll_snapshot_step')).toBe(2);
  const age = figure(metrics, 'unroll_snapshot_age_seconds');
  expect(age >= 0 && age < 600, `${age}`).toBe(true);
  expect(figure(metrics, 'unroll_snapshot_every_steps')).toBe(2);

  await written.close();
  const restarted = await serve(0, { snapshots: { folder, every: 100, keep: 2 } });
  await train(restarted, 'restore');
  expect(figure(await metricsOf(restarted), 'unroll_snapshot_step')).toBe(2);
  expect(figure(await metricsOf(restarted), 'unroll_restores_total')).toBe(1);

  await restarted.close();
  const damaged = await serve(0, { snapshots: { folder, every: 100, keep: 2 } });
  rmSync(join(folder, 'shard-0-of-1-step-2.snapshot'));
  await train(damaged, 'restore');
  const unread = 'operation="read",shard="0"';
  expect(figure(await metricsOf(damaged), 'unroll_snapshot_failures_total', unread)).toBe(1);
  expect(figure(await metricsOf(damaged), 'unroll_restores_total')).toBe(0);

  const away = join(folder, 'away');
  const failing = await serve(0, { snapshots: { folder: away, every: 2, keep: 2 } });
  rmSync(away, { recursive: true });
  await train(failing);
  const failures = async () =>
    figure(await metricsOf(failing), 'unroll_snapshot_failures_total', 'operation="write",shard="0"');
  await expect.poll(failures).toBe(1);
  expect(figure(await metricsOf(failing), 'unroll_snapshots_total')).toBe(0);
  expect(figure(await metricsOf(failing), 'unroll_snapshot_step')).toBe(0);
});

test('calls without the token are counted', async () => {
  const server = await serve(0, { security: { token: 'a token of a test' } });
  const stranger = connectParameterServers(clientOptions(server));
  cleanups.push(() => stranger.close());
  await expect(stranger.enter({ kernel: new Float32Array(8) })).rejects.toThrow('token');
  expect(figure(await metricsOf(server), 'unroll_refusals_total', 'code="unauthenticated",shard="0"')).toBeGreaterThan(
    0,
  );
});

test('calls that wait for another worker are counted while they do', async () => {
  const server = await serve(0, { workers: 2 });
  const client = connectParameterServers(clientOptions(server, { worker: 0, workers: 2 }));
  cleanups.push(() => client.close());
  await client.enter({ kernel: new Float32Array(8) });
  const update = client.update({
    ...{ gradients: { kernel: new Float32Array(8) }, learningRate: 0.1, laneStates: new Float32Array(1) },
  });
  cleanups.push(() => update.then(() => undefined).catch(() => undefined));
  const waiting = async () => figure(await metricsOf(server), 'unroll_waiting_calls', 'call="push",shard="0"');
  await expect.poll(waiting).toBe(1);
  expect(figure(await metricsOf(server), 'unroll_workers_alive')).toBeLessThan(
    figure(await metricsOf(server), 'unroll_workers'),
  );
});

test('connections are counted, and those beyond the limit that are refused', async () => {
  const server = await serve(0);
  const most = gateLimits(1).mostStrangers;
  const sockets = Array.from({ length: most + 3 }, () =>
    connect(server.port, '127.0.0.1').on('error', () => undefined),
  );
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
  });
  const refused = async () =>
    figure(await metricsOf(server), 'unroll_connections_refused_total', 'reason="limit",shard="0"');
  await expect.poll(refused).toBe(3);
  expect(figure(await metricsOf(server), 'unroll_connections')).toBe(most);
});

test('promtool has nothing to say against the metrics', async ({ skip }) => {
  const server = await serve(0);
  await train(server);
  const { error, status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: await metricsOf(server),
    encoding: 'utf8',
  });
  if (error) skip("promtool is not here; it is in Debian's package prometheus");
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
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

test('readers that ask and never read, and connections that never ask, keep nobody from the metrics', async () => {
  const lines: string[] = [];
  const { metricsPort } = await serve(0, { onNotice: (line) => lines.push(line) });
  const sockets: Socket[] = [];
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
  });
  for (let k = 0; k < 200; k++) {
    const socket = connect(metricsPort!, '127.0.0.1');
    socket.on('error', () => undefined).pause();
    if (k % 2 === 0) socket.write('GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(50));
    sockets.push(socket);
  }
  await expect.poll(() => metricsOf({ metricsPort }).catch(() => ''), { interval: 500 }).toContain('unroll_step');
  expect(lines).toContain('refused a connection from 127.0.0.1: 32 others had yet to make a call that lets them in');
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

test('a server of other machines tells its metrics to its own, unless it is told to tell them elsewhere', async () => {
  const options = { port: 0, workers: 1, version: '1', host: '0.0.0.0', insecurePublic: true, metricsPort: 0 };
  const server = await startParameterServer(options);
  const elsewhere = await startParameterServer({ ...options, metricsHost: '127.0.0.2' });
  cleanups.push(
    () => server.close(),
    () => elsewhere.close(),
  );
  const at = (host: string, { metricsPort }: ParameterServer) => fetch(`http://${host}:${metricsPort}/metrics`);
  expect((await at('127.0.0.1', server)).status).toBe(200);
  expect((await at('127.0.0.2', elsewhere)).status).toBe(200);
  // Loopback has many addresses; 0.0.0.0 would accept all of them.
  await expect(at('127.0.0.2', server)).rejects.toThrow('fetch failed');
  await expect(at('127.0.0.1', elsewhere)).rejects.toThrow('fetch failed');
});

test('a page of another site, whose name has been made to mean this machine, reads no metrics', async () => {
  const { metricsPort } = await serve(0);
  const asked = request({
    port: metricsPort,
    path: '/metrics',
    headers: { host: `evil.example:${metricsPort}` },
  }).end();
  const [answer] = await once(asked, 'response');
  expect(answer.statusCode).toBe(421);
  answer.resume();
});

test('metrics that cannot be gathered are an answer, and end nothing', async () => {
  const registry = new Registry();
  const collect = () => Promise.reject(new Error('no such file'));
  new Gauge({ name: 'broken', help: 'Cannot be read.', registers: [registry], collect });
  const endpoint = await serveMetrics(registry, '127.0.0.1', 0, new RefusalLog(() => undefined));
  cleanups.push(async () => endpoint.close());
  const answer = await fetch(`http://127.0.0.1:${endpoint.port}/metrics`);
  expect(answer.status).toBe(500);
  expect(await answer.text()).toBe('the metrics could not be gathered: Error: no such file\n');
});
