// A few messages make a server hold no more than it knows to be right, and nothing for what they only claim.
import { afterEach, expect, test } from 'vitest';
import { ShardConnection } from '../client/shard-connection.js';
import { EncodedVector } from '../codecs/encoded-vector.js';
import { type ParameterServerOptions, startParameterServer } from '../index.js';
import { GrowingBytes } from '../vectors/growing-bytes.js';
import type { ModelDescription } from '../vectors/model.js';
import { partition } from '../vectors/partition.js';
import { writeModel } from '../wire/wire-messages.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const place = { shard: 0, shards: 1, version: '1', workers: 2 };
const model = {
  optimizer: { name: 'adam' as const, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  clipNorm: undefined,
  lanes: { count: 2, width: 1 },
  run: 'a run',
};

async function serve(options: Partial<ParameterServerOptions> = {}): Promise<() => ShardConnection> {
  const server = await startParameterServer({ port: 0, ...place, ...options });
  cleanups.push(() => server.close());
  return () => {
    const address = `127.0.0.1:${server.port}`;
    const made = new ShardConnection({ address, shard: 0, shards: 1, callSeconds: 60, patienceSeconds: 60 });
    cleanups.push(() => made.close());
    return made;
  };
}

const join = (connection: ShardConnection, worker: number, described: ModelDescription) =>
  connection.join({ caller: { worker, incarnation: 9 }, ...place, ...writeModel(described) });

test('joins of one worker do not pile up: the newest waits, and each older one is answered', async () => {
  const connect = await serve();
  const parameters = Array.from({ length: 300 }, (_, k) => ({ name: `${k}`.padStart(2000, 'x'), shape: [1] }));
  const connection = connect();
  const calls = Array.from({ length: 20 }, () => join(connection, 1, { ...model, parameters }));
  const refusals: string[] = [];
  await new Promise<void>((resolve) => {
    for (const call of calls) {
      call.catch(({ message }: Error) => {
        if (refusals.push(message) === calls.length - 1) resolve();
      });
    }
  });
  for (const refusal of refusals) expect(refusal).toContain('worker 1 has sent another Join');
  connection.interrupt();
  await Promise.allSettled(calls);
});

test('a model takes memory as its values arrive, not when it is described', async () => {
  const connect = await serve();
  const connection = connect();
  const before = process.memoryUsage().rss;
  const caller = { worker: 0, incarnation: 9, generation: 1, lease: 0 };
  await join(connection, 0, {
    ...model,
    parameters: [{ name: 'kernel', shape: [2 ** 14, 2 ** 13] }],
    lanes: { count: 2 ** 13, width: 2 ** 14 },
  });
  for (const vector of ['parameters', 'lanes']) await connection.upload({ caller, step: 0, vector }, []);
  await connection.initialize({ caller, step: 0, generation: 1 });
  // Four vectors of 512 MiB were described.
  expect(process.memoryUsage().rss - before).toBeLessThan(256 * 2 ** 20);
});

test.each([
  [100, undefined],
  [99, 'trains a model with 100 parameters and lane states on this server, which takes 99; start more servers'],
])('a server that takes %i parameters is told a model of 98 and two lanes', async (maxParameters, refusal) => {
  const connect = await serve({ maxParameters });
  const joined = join(connect(), 0, { ...model, parameters: [{ name: 'kernel', shape: [98] }] });
  if (refusal) await expect(joined).rejects.toThrow(refusal);
  else expect(await joined).toMatchObject({ initialized: false });
});

test('bytes that arrive in pieces do not keep the messages that brought them', () => {
  const message = new Uint8Array(4 * 2 ** 20).fill(7);
  const gathered = new GrowingBytes();
  for (let k = 0; k < 100; k++) gathered.append(message.subarray(k, k + 1));
  expect(gathered.bytes).toEqual(new Uint8Array(100).fill(7));
  expect(gathered.bytes.buffer.byteLength).toBeLessThanOrEqual(200);
});

test('an encoded vector takes no more bytes than any codec makes', () => {
  const [layout] = partition([{ name: 'kernel', shape: [100] }], 1);
  const vector = new EncodedVector(layout!);
  const piece = new Uint8Array(1);
  for (let k = 0; k < 425 + 64; k++) vector.take(piece);
  expect(() => vector.take(piece)).toThrow('is longer than its values in float32');
});
