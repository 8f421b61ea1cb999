import { describe, expect, test } from 'vitest';
import { writeBlocks } from '../codecs/blocks.js';
import { writeLowRank } from '../codecs/low-rank.js';
import { float32Format } from '../codecs/number-format.js';
import { doAtOnce } from '../time/long-work.js';
import { partition } from '../vectors/partition.js';
import { float32Bytes } from '../vectors/shard-vector.js';
import { withZeros } from '../vectors/sparse-vector.js';
import { Uploads } from './uploads.js';

const [layout] = partition([{ name: 'table', shape: [8, 1] }], 1);
const caller = { worker: 0, incarnation: 1, generation: 1, lease: 0 };

/** Returns the server's vector after these chunks, written over the memory of an earlier vector of nines. */
function receive(chunks: readonly { offsets: number[]; values: number[] }[]): number[] {
  const uploads = new Uploads({ lengths: new Map([['gradient', 8]]), layout: layout! });
  uploads.recycle(new Float32Array(8).fill(9));
  const target = { caller, step: 0, vector: 'gradient' };
  const stream = uploads.begin(target);
  for (const { offsets, values } of chunks) stream.take({ offsets, data: float32Bytes(Float32Array.from(values)) });
  doAtOnce(stream.end());
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
  doAtOnce(stream.end());
  expect(uploads.takeGradient(target)!.gradient.ranges).toEqual([0, 1, 2, 3, 6, 8]);
});

test.each([0, 1, 2, 3, 4])('a value that is not finite is found wherever it is, as at %i', (at) => {
  const values = [1, 2, 3, 4, 5].map((value, k) => (k === at ? Number.POSITIVE_INFINITY : value));
  expect(() => receive([{ offsets: [2], values }])).toThrow(`worker 0's vector 'gradient' of step 0 has Infinity`);
});

test('an upload whose chunks go back more than a thousand times is refused', () => {
  const [long] = partition([{ name: 'table', shape: [4096, 1] }], 1);
  const uploads = new Uploads({ lengths: new Map([['gradient', 4096]]), layout: long! });
  const stream = uploads.begin({ caller, step: 0, vector: 'gradient' });
  const offsets = Array.from({ length: 2048 }, (_, k) => 4095 - 2 * k);
  expect(() => stream.take({ offsets, data: new Uint8Array(4 * offsets.length) })).toThrow(
    "worker 0's vector 'gradient' of step 0 goes back more than 1024 times; use a client of this version",
  );
});

describe('an encoded upload', () => {
  const [matrix] = partition([{ name: 'table', shape: [64, 256] }], 1);
  const length = 64 * 256;
  const target = { caller, step: 0, vector: 'gradient', encoded: true };
  const create = () => new Uploads({ lengths: new Map([['gradient', length]]), layout: matrix! });
  const factors = (value: number) =>
    writeLowRank({ rank: 2, p: new Float32Array(128).fill(value), q: new Float32Array(512).fill(1) });

  test('costs what it brings: what it does not write is taken for zero, and not written', () => {
    const uploads = create();
    uploads.recycle(new Float32Array(length).fill(9));
    const stream = uploads.begin(target);
    const values = new Float32Array(length);
    values.fill(1, 3 * 256, 4 * 256);
    stream.take({ offsets: [], data: writeBlocks(float32Format, matrix!.slices[0]!, values) });
    doAtOnce(stream.end());
    const sparse = uploads.takeGradient(target)!.gradient;
    expect(sparse.ranges).toEqual([3 * 256, 4 * 256]);
    expect([sparse.values[0], sparse.values[3 * 256]]).toEqual([9, 1]);
    expect(withZeros(sparse)).toEqual(values);
  });

  test('is decoded in pieces, and given up when another one begins between them', () => {
    const uploads = create();
    const first = uploads.begin(target);
    first.take({ offsets: [], data: factors(1) });
    const work = first.end();
    work.next();
    const second = uploads.begin(target);
    second.take({ offsets: [], data: factors(2) });
    expect(() => doAtOnce(work)).toThrow('is being uploaded anew');
    doAtOnce(second.end());
    expect(uploads.take(target)).toEqual(new Float32Array(length).fill(4));
  });
});
