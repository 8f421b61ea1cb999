import { describe, expect, test } from 'vitest';
import { partition } from '../vectors/partition.js';
import { float32Bytes } from '../vectors/shard-vector.js';
import { RowUploads } from './row-uploads.js';

/** The first of two shards: the bias, then rows 0, 2 and 4 of one table and 0 and 2 of the other. */
const [layout] = partition(
  [
    { name: 'bias', shape: [6] },
    { name: 'deep', shape: [5, 2], byRows: true },
    { name: 'flat', shape: [4], byRows: true },
  ],
  2,
);
const caller = { worker: 0, incarnation: 1, generation: 1, lease: 0 };
const target = { caller, step: 3, vector: 'rows' };
const chunk = (offsets: number[], ...values: number[]) => ({ offsets, data: float32Bytes(Float32Array.from(values)) });

function uploaded(...chunks: ReturnType<typeof chunk>[]) {
  const uploads = new RowUploads(layout!);
  const stream = uploads.begin(target);
  for (const each of chunks) stream.take(each);
  stream.end();
  return uploads;
}

test('rows of both tables arrive', () => {
  expect(uploaded(chunk([3, 7], 1, 2, 3, 4), chunk([10], 5)).take(target)!.rows).toEqual([
    { starts: [3, 7], values: Float32Array.of(1, 2, 3, 4) },
    { starts: [10], values: Float32Array.of(5) },
  ]);
});

test('no rows are a gradient too', () => {
  expect(uploaded().take(target)!.rows).toEqual([
    { starts: [], values: new Float32Array(0) },
    { starts: [], values: new Float32Array(0) },
  ]);
});

describe('nothing is taken', () => {
  test.each([
    { what: 'in the middle of a row', chunk: chunk([4], 1, 2) },
    { what: 'of half a row', chunk: chunk([3], 1) },
    { what: 'of two rows at once', chunk: chunk([3], 1, 2, 3, 4) },
    { what: 'of what is no table', chunk: chunk([0], 1, 2) },
    { what: 'beyond the tables', chunk: chunk([11], 1) },
    { what: 'that come twice', chunk: chunk([3, 3], 1, 2, 1, 2) },
    { what: 'that do not ascend', chunk: chunk([5, 3], 1, 2, 1, 2) },
  ])('of pieces $what', ({ chunk }) => {
    expect(() => uploaded(chunk)).toThrow(/worker 0's vector 'rows' of step 3 has a piece at \d+ that is no row/);
  });

  test('of values that are not finite', () => {
    expect(() => uploaded(chunk([5], 1, Number.NaN))).toThrow("has NaN in 'deep': training diverged");
  });

  test('of a stream that broke off, of another step, or a second time', () => {
    const uploads = new RowUploads(layout!);
    uploads.begin(target).take(chunk([3], 1, 2));
    expect(uploads.take(target)).toBeUndefined();
    const complete = uploaded(chunk([3], 1, 2));
    expect(complete.take({ ...target, step: 4 })).toBeUndefined();
    expect(complete.take(target)).toBeDefined();
    expect(complete.take(target)).toBeUndefined();
  });

  test('of an upload that a newer one has replaced', () => {
    const uploads = new RowUploads(layout!);
    const stream = uploads.begin({ ...target, caller: { ...caller, incarnation: 2 } });
    uploads.begin({ ...target, caller: { ...caller, incarnation: 3 } });
    expect(() => stream.take(chunk([3], 1, 2))).toThrow('is being uploaded anew');
  });
});
