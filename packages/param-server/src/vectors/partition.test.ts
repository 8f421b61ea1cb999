import { expect, test } from 'vitest';
import { partition } from './partition.js';

const languageModel = [
  { name: 'embedding', shape: [1000, 64] },
  { name: 'lstm.kernel', shape: [64, 256] },
  { name: 'lstm.bias', shape: [256] },
  { name: 'output.kernel', shape: [64, 1000] },
  { name: 'temperature', shape: [] },
];

test.each([1, 2, 3, 7])('every element lives in exactly one place of %i shards', (shards) => {
  const layouts = partition(languageModel, shards);
  for (const { name, shape } of languageModel) {
    const slices = layouts.flatMap((layout) => layout.slices).filter((slice) => slice.parameter === name);
    let next = 0;
    for (const slice of slices) {
      expect(slice.start).toBe(next);
      next += slice.length;
    }
    expect(next).toBe(shape.reduce((a, b) => a * b, 1));
  }
});

test('a shard lays its slices end to end', () => {
  for (const { slices, length } of partition(languageModel, 3)) {
    let next = 0;
    for (const slice of slices) {
      expect(slice.offset).toBe(next);
      next += slice.length;
    }
    expect(length).toBe(next);
  }
});

test('shards differ by no more than the longest row', () => {
  const lengths = partition(languageModel, 4).map((layout) => layout.length);
  expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1000);
});

test('the order in which parameters are given does not matter', () => {
  expect(partition(languageModel.toReversed(), 3)).toEqual(partition(languageModel, 3));
});

test('rows stay whole', () => {
  const slices = partition([{ name: 'table', shape: [5, 3] }], 2).flatMap((layout) => layout.slices);
  for (const { start, length } of slices) expect([start % 3, length % 3]).toEqual([0, 0]);
});

test('more shards than rows leave some shards empty', () => {
  expect(partition([{ name: 'bias', shape: [2] }], 4).reduce((sum, { length }) => sum + length, 0)).toBe(2);
});

test.each([1, 2, 3, 7])(
  'every row of a table lives on one of %i shards, dealt out in turns behind all that is no table',
  (shards) => {
    const tables = [
      { name: 'a.table', shape: [5, 3], byRows: true },
      { name: 'output.bias', shape: [10], byRows: true },
    ];
    const layouts = partition([...languageModel, ...tables], shards);
    expect(layouts.map(({ slices, denseLength }) => ({ slices, length: denseLength }))).toEqual(
      partition(languageModel, shards).map(({ slices, length }) => ({ slices, length })),
    );
    for (const { name, shape } of tables) {
      const slices = layouts.flatMap((layout) => layout.tables.filter(({ parameter }) => parameter === name));
      const found = slices.flatMap(({ firstRow, stride, rows }) =>
        Array.from({ length: rows }, (_, k) => firstRow + k * stride),
      );
      expect(found.toSorted((a, b) => a - b)).toEqual(Array.from({ length: shape[0]! }, (_, row) => row));
    }
    for (const { denseLength, tables, length } of layouts) {
      let next = denseLength;
      for (const { offset, rows, rowLength } of tables) {
        expect(offset).toBe(next);
        next += rows * rowLength;
      }
      expect(length).toBe(next);
    }
  },
);
