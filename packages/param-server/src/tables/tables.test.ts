// Row tables over real sockets, with the optimizers that servers run.
import type { OptimizerConfig } from '@unroll/core';
import { optimizerSlots } from '@unroll/core/config';
import { afterEach, describe, expect, test } from 'vitest';
import { connectParameterServers, type ParameterClient, type ParameterClientOptions } from '../index.js';
import { type ParameterServer, startParameterServer } from '../server/start.js';

const [rows, width, learningRate] = [9, 2, 0.5] as const;
const version = '1.2.3';
const parameters = [
  { name: 'bias', shape: [3] },
  { name: 'table', shape: [rows, width], byRows: true },
];
const startOf = (row: number) => [row + 0.25, row + 0.5];
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function train(
  optimizer: OptimizerConfig,
  options: Partial<ParameterClientOptions> = {},
): Promise<ParameterClient> {
  const servers: ParameterServer[] = [];
  for (const shard of [0, 1])
    servers.push(await startParameterServer({ port: 0, shard, shards: 2, workers: 1, version }));
  const client = connectParameterServers({
    serverAddresses: servers.map(({ port }) => `127.0.0.1:${port}`),
    ...{ worker: 0, workers: 1, version, parameters, optimizer, clipNorm: undefined },
    lanes: { count: 1, width: 1 },
    run: 'tables',
    start: {
      values: async () => ({
        parameters: { bias: new Float32Array(3) },
        tables: { table: (row, into) => into.set(startOf(row)) },
      }),
    },
    ...options,
  });
  cleanups.push(async () => void (await Promise.all(servers.map((server) => server.close()))));
  cleanups.push(() => client.close());
  await client.enter({ bias: new Float32Array(3) });
  return client;
}

/** Makes a step with this gradient in some rows, and none anywhere else. */
async function step(client: ParameterClient, ids: number[], gradient: number[]) {
  const table = { rows: Int32Array.from(ids), values: Float32Array.from(gradient) };
  const gradients = { bias: new Float32Array(3), table };
  return client.update({ gradients, learningRate, laneStates: new Float32Array(1) });
}

test('a worker is given the rows that it names, in their order, wherever they are', async () => {
  const client = await train({ name: 'sgd' });
  const ids = Int32Array.of(1, 4, 5, 8);
  const found = { table: new Float32Array(ids.length * width) };
  expect(await client.pullRows({ table: ids }, found)).toBe(true);
  expect([...found.table]).toEqual([...ids].flatMap(startOf));
});

test('a row that is not there is refused by name of its place', async () => {
  const client = await train({ name: 'sgd' });
  const pull = client.pullRows({ table: Int32Array.of(90) }, { table: new Float32Array(width) });
  await expect(pull).rejects.toThrow(/a row at \d+ was asked for, which the shard has not/);
});

test('the norm of a gradient is over its rows on all shards', async () => {
  const client = await train({ name: 'sgd' });
  expect(await step(client, [2, 3], [1, 2, 2, 4])).toMatchObject({ gradientNorm: 5 });
});

describe.each<OptimizerConfig>([
  { name: 'sgd' },
  { name: 'momentum', momentum: 0.5 },
  { name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
])('with $name', (optimizer) => {
  test('a step changes the rows of its gradient, their state, and nothing else', async () => {
    const client = await train(optimizer);
    await step(client, [2, 5], [1, 2, 3, 4]);
    const first = (await client.snapshot())!;
    await step(client, [5], [1, 1]);
    const second = (await client.snapshot())!;
    const vectors = [
      [first.parameters.table!, second.parameters.table!],
      ...optimizerSlots(optimizer).map((slot) => [first.slots[slot]!.table!, second.slots[slot]!.table!]),
    ];
    for (const [before, after] of vectors) {
      for (let k = 0; k < rows * width; k++) {
        if (Math.floor(k / width) === 5) expect(after![k]).not.toBe(before![k]);
        else expect(after![k]).toBe(before![k]);
      }
    }
    expect([...first.parameters.table!.subarray(0, width)]).toEqual(startOf(0));
    expect(first.parameters.table![2 * width]).not.toBe(startOf(2)[0]);
  });
});

test('a codec that holds back is refused, with the table and what to give instead', async () => {
  await expect(train({ name: 'sgd' }, { codec: { name: 'int8' } })).rejects.toThrow(
    "the codec int8 holds back a part of the gradients, 'table' travels by rows, as it is; give the codec bfloat16 or float32",
  );
});
