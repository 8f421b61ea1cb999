// Workers and servers over real sockets must end with the parameters that one machine computes from the whole batch.

import type { OptimizerConfig } from '@unroll/core';
import { describe, expect, test } from 'vitest';
import { connectParameterServers, type NamedValues, type ParameterClient } from './index.js';
import { startParameterServer } from './server/start.js';
import { BreakingNetwork } from './testing/breaking-network.js';
import { hasHttp2Proxy, http2ProxyTo } from './testing/http2-proxy.js';

const [inputs, outputs, batch, steps, learningRate, clipNorm] = [7, 3, 12, 50, 0.05, 0.5] as const;
const parameters = [
  { name: 'kernel', shape: [inputs, outputs] },
  { name: 'bias', shape: [outputs] },
];
const optimizers: OptimizerConfig[] = [
  { name: 'sgd' },
  { name: 'momentum', momentum: 0.9 },
  { name: 'nesterov', momentum: 0.9 },
  { name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  { name: 'adagrad', epsilon: 1e-10 },
];

describe.each([1, 2, 3])('%i workers', (workers) => {
  describe.each([1, 2])('%i shards', (shards) => {
    test.each(optimizers)('train with $name to the parameters of a single machine', async (optimizer) => {
      const results = await train({ workers, shards, optimizer });
      const expected = trainAlone(optimizer);
      for (const result of results) {
        expect(result).toEqual(results[0]);
        for (const name of ['kernel', 'bias']) expectClose(result[name]!, expected[name]!);
      }
    });
  });
});

test('the same run repeated gives the same bits', async () => {
  const run = { workers: 3, shards: 2, optimizer: optimizers[3]! };
  expect(await train(run)).toEqual(await train(run));
});

test('a run resumed from a snapshot ends with the bits of one that was not interrupted', async () => {
  const run = { workers: 2, shards: 2, optimizer: optimizers[3]! };
  const whole = await train(run);
  const [snapshot] = await trainFrom(run, initial(), 20, (client, _, worker) =>
    worker === 0 ? client.snapshot() : Promise.resolve(undefined),
  );
  expect(snapshot!.step).toBe(20);
  const [resumed] = await trainFrom(run, snapshot!, steps, async (_, values) => values);
  expect(resumed).toEqual(whole[0]);
});

test.each([1, 2])('connections that are reset anywhere lose no gradient and repeat none (seed %i)', async (seed) => {
  const run = { workers: 2, shards: 2, optimizer: optimizers[3]! };
  using network = new BreakingNetwork({ seed, resets: 20, least: 200, most: 4000 });
  const disturbed = await train({ ...run, reach: (port) => network.to(port) });
  expect(disturbed).toEqual(await train(run));
  expect(network.broken.bulk + network.broken.grpc).toBe(20);
  expect(Math.min(network.broken.bulk, network.broken.grpc)).toBeGreaterThan(0);
});

test.skipIf(!hasHttp2Proxy)('through an HTTP/2 proxy workers train to the same bits, and say so', async () => {
  const run = { workers: 2, shards: 2, optimizer: optimizers[3]! };
  const lines: string[] = [];
  const proxied = await train({ ...run, reach: http2ProxyTo, onNotice: (line) => lines.push(line) });
  expect(proxied).toEqual(await train(run));
  // One line from each of two workers about each of two servers.
  expect(lines).toHaveLength(4);
  for (const line of lines)
    expect(line).toMatch(/^parameter server .* vectors travel by gRPC, .* only HTTP\/2 through/);
});

interface Run {
  workers: number;
  shards: number;
  optimizer: OptimizerConfig;
  /** Resolves with the port at which workers reach the server that listens at this one. */
  reach?: (port: number) => Promise<number>;
  onNotice?: (line: string) => void;
}

interface Start {
  parameters: NamedValues;
  slots?: Readonly<Record<string, NamedValues>>;
  step?: number;
}

function train(run: Run): Promise<NamedValues[]> {
  return trainFrom(run, initial(), steps, async (_, values) => values);
}

/** Trains all workers up to step `until`; returns `result` of each. Servers stop because all workers leave. */
async function trainFrom<Result>(
  { workers, shards, optimizer, reach = async (port) => port, onNotice = () => undefined }: Run,
  start: Start,
  until: number,
  result: (client: ParameterClient, values: NamedValues, worker: number) => Promise<Result>,
): Promise<Result[]> {
  const version = '1.2.3';
  const servers = await Promise.all(
    Array.from({ length: shards }, (_, shard) => startParameterServer({ port: 0, shard, shards, workers, version })),
  );
  const addresses = await Promise.all(servers.map(async ({ port }) => `127.0.0.1:${await reach(port)}`));
  const work = async (worker: number): Promise<Result> => {
    const values = { kernel: new Float32Array(inputs * outputs), bias: new Float32Array(outputs) };
    const client = connectParameterServers({
      serverAddresses: addresses,
      worker,
      workers,
      version,
      parameters,
      optimizer,
      clipNorm,
      lanes: { count: batch, width: 1 },
      run: 'least squares',
      onNotice,
      start: { step: start.step ?? 0, values: async () => start },
    });
    await client.enter(values);
    let made: Result;
    do {
      while (client.step < until) {
        const { from, to } = client.lanes;
        const gradients = gradientsOf(values, client.step, from, to);
        await client.update({ gradients, learningRate, laneStates: new Float32Array(to - from) });
      }
      made = await result(client, values, worker);
    } while (!(await client.finish()));
    await client.close();
    return made;
  };
  const results = await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  await Promise.all(servers.map(({ done }) => done));
  return results;
}

function initial(): Start & { parameters: { kernel: Float32Array; bias: Float32Array } } {
  const kernel = Float32Array.from({ length: inputs * outputs }, (_, i) => Math.sin(i));
  return { parameters: { kernel, bias: new Float32Array(outputs) } };
}

/**
 * Returns the part of rows `[from, to)` of a step's batch in the gradient of a linear model's mean squared error, in
 * float64.
 */
function gradientsOf({ kernel, bias }: NamedValues, step: number, from: number, to: number) {
  const gradients = { kernel: new Float32Array(inputs * outputs), bias: new Float32Array(outputs) };
  for (let row = from; row < to; row++) {
    const x = Array.from({ length: inputs }, (_, i) => Math.sin(1 + i + 7 * row + 91 * step));
    for (let o = 0; o < outputs; o++) {
      const target = x.reduce((sum, value, i) => sum + value * Math.cos(3 * i + o), 1);
      const error = x.reduce((sum, value, i) => sum + value * kernel![i * outputs + o]!, bias![o]!) - target;
      gradients.bias[o]! += (2 * error) / batch;
      for (let i = 0; i < inputs; i++) gradients.kernel[i * outputs + o]! += (2 * error * x[i]!) / batch;
    }
  }
  return gradients;
}

/** The textbook result: the whole batch on one machine, with optimizers written out in float64. */
function trainAlone(optimizer: OptimizerConfig): NamedValues {
  const values = initial().parameters;
  const state = {
    kernel: [new Float64Array(inputs * outputs), new Float64Array(inputs * outputs)],
    bias: [new Float64Array(outputs), new Float64Array(outputs)],
  } as const;
  for (let step = 0; step < steps; step++) {
    const gradients = gradientsOf(values, step, 0, batch);
    const norm = Math.sqrt([...gradients.kernel, ...gradients.bias].reduce((sum, g) => sum + g * g, 0));
    const scale = Math.min(1, clipNorm / norm);
    for (const name of ['kernel', 'bias'] as const) {
      const [first, second] = state[name];
      for (const [i, gradient] of gradients[name].entries()) {
        values[name][i]! -= learningRate * direction(optimizer, gradient * scale, i, first, second, step + 1);
      }
    }
  }
  return values;
}

function direction(
  optimizer: OptimizerConfig,
  gradient: number,
  i: number,
  first: Float64Array,
  second: Float64Array,
  step: number,
): number {
  if (optimizer.name === 'sgd') return gradient;
  if (optimizer.name === 'momentum' || optimizer.name === 'nesterov') {
    first[i] = optimizer.momentum * first[i]! + gradient;
    return optimizer.name === 'momentum' ? first[i]! : gradient + optimizer.momentum * first[i]!;
  }
  if (optimizer.name === 'adagrad') {
    first[i]! += gradient * gradient;
    return gradient / (Math.sqrt(first[i]!) + optimizer.epsilon);
  }
  if (optimizer.name !== 'adam' && optimizer.name !== 'adamw') throw new Error(`${optimizer.name} is not tested here`);
  const { beta1, beta2, epsilon } = optimizer;
  first[i] = beta1 * first[i]! + (1 - beta1) * gradient;
  second[i] = beta2 * second[i]! + (1 - beta2) * gradient * gradient;
  return first[i]! / (1 - beta1 ** step) / (Math.sqrt(second[i]! / (1 - beta2 ** step)) + epsilon);
}

function expectClose(actual: Float32Array, expected: Float32Array): void {
  for (const [i, value] of actual.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(2e-5);
}
