import { expect, test } from 'vitest';
import { GradientTables, gradientChunks } from './gradient-rows.js';
import { partition } from './partition.js';
import { float32Bytes, scatterChunk } from './shard-vector.js';

const parameters = [
  { name: 'bias', shape: [3] },
  { name: 'embedding', shape: [1000, 400] },
];
const bias = Float32Array.of(1, 2, 3);
/** Returns these rows of an embedding's gradient; every element of a row is the row's number plus one. */
const rowsOf = (...rows: number[]) => ({
  rows: Int32Array.from(rows),
  values: Float32Array.from(rows.flatMap((row) => Array<number>(400).fill(row + 1))),
});
const tableOf = (...rows: number[]) => {
  const table = new Float32Array(400_000);
  for (const row of rows) table.fill(row + 1, row * 400, (row + 1) * 400);
  return table;
};

/** Compares bytes: element by element, Vitest takes seconds. */
const expectSame = (actual: Float32Array, expected: Float32Array) =>
  expect(Buffer.compare(float32Bytes(actual), float32Bytes(expected))).toBe(0);

test.each([1, 2, 3])('rows of a gradient reach, over %i shards, where those of its table do', (shards) => {
  const some = [0, 1, 332, 333, 334, 499, 500, 501, 665, 666, 999];
  for (const rows of [some, [], Array.from({ length: 1000 }, (_, row) => row)]) {
    const received = { bias: new Float32Array(3), embedding: new Float32Array(400_000) };
    for (const layout of partition(parameters, shards)) {
      const chunks = gradientChunks(layout, { bias, embedding: rowsOf(...rows) });
      for (const chunk of chunks) scatterChunk(layout, received, chunk);
    }
    expect(received.bias).toEqual(bias);
    expectSame(received.embedding, tableOf(...rows));
  }
});

test('a table made of rows has nothing of the step before', () => {
  const tables = new GradientTables(parameters);
  expectSame(tables.fill({ bias, embedding: rowsOf(3, 7) }).embedding!, tableOf(3, 7));
  expectSame(tables.fill({ bias, embedding: rowsOf(7, 8) }).embedding!, tableOf(7, 8));
  expectSame(tables.fill({ bias, embedding: rowsOf() }).embedding!, tableOf());
});
