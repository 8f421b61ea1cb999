import { expect, test } from 'vitest';
import { partition } from './partition.js';
import { float32Bytes } from './shard-vector.js';
import { Uploads } from './uploads.js';

const [layout] = partition([{ name: 'table', shape: [8, 1] }], 1);
const caller = { worker: 0, incarnation: 1, generation: 1, lease: 0 };

/** What the server takes for a vector after these chunks, written over the memory of an earlier vector of nines. */
function receive(chunks: readonly { offsets: number[]; values: number[] }[]): number[] {
  const uploads = new Uploads({ lengths: new Map([['gradient', 8]]), layout: layout! });
  uploads.recycle(new Float32Array(8).fill(9));
  const target = { caller, step: 0, vector: 'gradient' };
  const stream = uploads.begin(target);
  for (const { offsets, values } of chunks) stream.take({ offsets, data: float32Bytes(Float32Array.from(values)) });
  stream.end();
  return [...uploads.take(target)!];
}

test('what no chunk covers is zero, before, between and after the chunks', () => {
  expect(receive([{ offsets: [1, 4], values: [1, 2, 3, 4] }])).toEqual([0, 1, 2, 0, 3, 4, 0, 0]);
  expect(receive([])).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
});

test('chunks may come in any order', () => {
  const chunks = [
    { offsets: [6], values: [7, 8] },
    { offsets: [0], values: [1, 2, 3] },
    { offsets: [4], values: [5] },
    { offsets: [2], values: [9] },
  ];
  expect(receive(chunks)).toEqual([1, 2, 9, 0, 5, 0, 7, 8]);
});

test('what chunks of any order leave open does not travel through the server as zeros', () => {
  const uploads = new Uploads({ lengths: new Map([['gradient', 8]]), layout: layout! });
  const target = { caller, step: 0, vector: 'gradient' };
  const stream = uploads.begin(target);
  for (const offset of [6, 0, 7, 2]) stream.take({ offsets: [offset], data: float32Bytes(Float32Array.of(1)) });
  stream.end();
  expect(uploads.takeSparse(target)!.ranges).toEqual([0, 1, 2, 3, 6, 8]);
});

test.each([0, 1, 2, 3, 4])('a value that is not finite is found wherever it is, as at %i', (at) => {
  const values = [1, 2, 3, 4, 5].map((value, k) => (k === at ? Number.POSITIVE_INFINITY : value));
  expect(() => receive([{ offsets: [2], values }])).toThrow(`worker 0's vector 'gradient' of step 0 has Infinity`);
});
