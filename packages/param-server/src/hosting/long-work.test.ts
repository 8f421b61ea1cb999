import { afterEach, expect, test } from 'vitest';
import { ShardConnection } from '../client/shard-connection.js';
import { writeLowRank } from '../codecs/low-rank.js';
import { startParameterServer } from '../index.js';
import { doInTurns } from '../time/long-work.js';
import { writeModel } from '../wire/wire-messages.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

test('others get their turns between the pieces of long work', async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  cleanups.push(() => clearInterval(timer));
  function* work() {
    for (let piece = 0; piece < 10; piece++) {
      const began = performance.now();
      while (performance.now() - began < 11);
      yield;
    }
  }
  await doInTurns(work());
  expect(turns).toBeGreaterThan(5);
});

test('a server answers while it decodes the matrix of the highest rank that it takes', async () => {
  const size = 1024;
  const server = await startParameterServer({ port: 0, workers: 1, version: '1' });
  cleanups.push(() => server.close());
  const place = { shard: 0, shards: 1 };
  const connect = () => {
    const address = `127.0.0.1:${server.port}`;
    const made = new ShardConnection({ address, ...place, callSeconds: 60, patienceSeconds: 60 });
    cleanups.push(() => made.close());
    return made;
  };
  const worker = connect();
  const model = {
    parameters: [{ name: 'kernel', shape: [size, size] }],
    optimizer: { name: 'sgd' as const },
    clipNorm: undefined,
    lanes: { count: 1, width: 1 },
    run: 'a run',
  };
  const caller = { worker: 0, incarnation: 1, generation: 0, lease: 0 };
  await worker.join({ caller, version: '1', workers: 1, ...place, ...writeModel(model) });
  await worker.upload({ caller, step: 0, vector: 'parameters' }, []);
  await worker.upload({ caller, step: 0, vector: 'lanes' }, []);
  await worker.initialize({ caller, step: 0, generation: 1 });

  const rank = size / 4 - 1;
  const factor = new Float32Array(size * rank).fill(1);
  const record = writeLowRank({ rank, p: factor, q: factor });
  function* chunks() {
    for (let from = 0; from < record.length; from += 2 ** 20) {
      yield { offsets: [], data: record.subarray(from, from + 2 ** 20) };
    }
  }
  const inside = { ...caller, generation: 1 };
  let isDecoded = false;
  const target = { caller: inside, step: 0, vector: 'gradient', encoded: true };
  const uploaded = worker.upload(target, chunks()).then(() => {
    isDecoded = true;
  });
  const other = connect();
  let answers = 0;
  while (!isDecoded) {
    for await (const _ of other.pull({ caller: inside, step: 0, vector: 'lanes' }));
    answers++;
  }
  await uploaded;
  // Decoding takes half a second, and others get a turn every 10 ms.
  expect(answers).toBeGreaterThan(10);
  const higher = Uint8Array.of(4, (rank + 1) & 0xff, (rank + 1) >> 8);
  await expect(worker.upload(target, [{ offsets: [], data: higher }])).rejects.toThrow(
    `an encoded vector has rank ${rank + 1} for a matrix of [${size}, ${size}]; use a client of this version`,
  );
});
