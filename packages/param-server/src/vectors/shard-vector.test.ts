import { expect, test } from 'vitest';
import { ShardStore } from '../hosting/shard-store.js';
import type { UpdateRule } from '../update-rules/update-rule.js';
import { partition } from './partition.js';
import { chunksOf, nonzeroRows, partsOfParameters, scatterChunk } from './shard-vector.js';

const parameters = [
  { name: 'bias', shape: [5] },
  { name: 'embedding', shape: [1000, 32] },
  { name: 'kernel', shape: [300, 200] },
];

/** Returns the gradients of a batch that uses these rows of the embedding. */
function gradientsOf(rows: readonly number[]) {
  const embedding = new Float32Array(32_000);
  for (const row of rows) embedding.fill(row + 1, row * 32, (row + 1) * 32);
  return { bias: new Float32Array(5).fill(1), embedding, kernel: new Float32Array(60_000).map((_, k) => k) };
}

const bytesOf = (chunks: Iterable<{ data: Uint8Array }>) => [...chunks].reduce((sum, { data }) => sum + data.length, 0);

test.each([1, 2, 3])('of an embedding only the rows in use travel, and arrive, over %i shards', (shards) => {
  const gradients = gradientsOf([0, 7, 499, 500, 999]);
  const received = { bias: new Float32Array(5), embedding: new Float32Array(32_000), kernel: new Float32Array(60_000) };
  let bytes = 0;
  for (const layout of partition(parameters, shards)) {
    const parts = partsOfParameters(layout, gradients);
    const chunks = [...chunksOf(parts, nonzeroRows(parts))];
    bytes += bytesOf(chunks);
    for (const chunk of chunks) scatterChunk(layout, received, chunk);
  }
  expect(received).toEqual(gradients);
  expect(bytes).toBe(4 * (5 + 5 * 32 + 60_000));
});

test('a gradient in which most rows are in use travels whole', () => {
  const [layout] = partition(parameters, 1);
  const gradients = gradientsOf(Array.from({ length: 600 }, (_, row) => row));
  const parts = partsOfParameters(layout!, gradients);
  expect(nonzeroRows(parts)).toEqual([undefined, undefined, undefined]);
});

test('of a gradient in which few values are not zero only those travel, and arrive', () => {
  const [layout] = partition(parameters, 1);
  const thin = (length: number, from: number) => Float32Array.from({ length }, (_, k) => (k % 97 === from ? k + 1 : 0));
  const gradients = { bias: new Float32Array(5), embedding: thin(32_000, 3), kernel: thin(60_000, 0) };
  const received = { bias: new Float32Array(5), embedding: new Float32Array(32_000), kernel: new Float32Array(60_000) };
  const parts = partsOfParameters(layout!, gradients);
  const chunks = [...chunksOf(parts, nonzeroRows(parts))];
  for (const chunk of chunks) scatterChunk(layout!, received, chunk);
  expect(received).toEqual(gradients);
  expect(bytesOf(chunks)).toBe(4 * (330 + 619));
});

test('who has the parameters of the step before is sent the rows that its update changed, whoever else all of them', async () => {
  const [layout] = partition(parameters, 1);
  const nothing: UpdateRule = { apply: async () => {} };
  const store = (name: 'sgd' | 'momentum') => {
    const optimizer = name === 'sgd' ? { name } : { name, momentum: 0.9 };
    const model = { parameters, optimizer, clipNorm: undefined, lanes: { count: 2, width: 1 }, run: 'this' };
    return new ShardStore({ version: '1', workers: 1, shard: 0, shards: 1, model }, layout!, async () => nothing);
  };
  const all = 4 * (5 + 32_000 + 60_000);
  const sent = async (name: 'sgd' | 'momentum', since: number | undefined) => {
    const shard = store(name);
    shard.install({ parameters: new Float32Array(layout!.length), slots: {}, lanes: new Float32Array(2) });
    const gradient = new Float32Array(layout!.length);
    gradient.set(gradientsOf([3, 4]).embedding, 5);
    const ranges = [5 + 3 * 32, 5 + 5 * 32];
    shard.add(
      { gradient: { values: gradient, ranges }, lanes: new Float32Array(2), sumOfSquares: 1 },
      { from: 0, to: 2 },
      true,
    );
    await shard.update(8, 0.1, 1);
    return bytesOf(shard.chunks(shard.select('parameters'), 8, since));
  };
  expect(await sent('sgd', 7)).toBe(4 * 2 * 32);
  expect(await sent('sgd', 6)).toBe(all);
  expect(await sent('sgd', undefined)).toBe(all);
  expect(await sent('momentum', 7)).toBe(all);
});
