import { expect, test } from 'vitest';
import { partition } from './partition.js';
import { nonzeroRows, partsOfVector } from './shard-vector.js';
import { rangesOf, rowsWithin } from './sparse-rows.js';
import { addSparse, RangeList, type Ranges, type SparseVector, sumOfSquares, withZeros } from './sparse-vector.js';

const length = 12;

/** Makes a vector with nines outside of the ranges, where nothing must look. */
function sparse(ranges: Ranges, value: (element: number) => number): SparseVector {
  const values = new Float32Array(length).fill(9);
  for (let k = 0; k < ranges.length; k += 2) {
    for (let i = ranges[k]!; i < ranges[k + 1]!; i++) values[i] = value(i);
  }
  return { values, ranges };
}

const dense = ({ values, ranges }: SparseVector) => withZeros({ values: values.slice(), ranges });

const pairs: [Ranges, Ranges, Ranges][] = [
  [[], [], []],
  [[], [2, 5], [2, 5]],
  [[2, 5], [], [2, 5]],
  [
    [0, 3],
    [3, 6],
    [0, 6],
  ],
  [
    [0, 12],
    [2, 5],
    [0, 12],
  ],
  [
    [2, 5],
    [0, 12],
    [0, 12],
  ],
  [
    [1, 4, 6, 9],
    [3, 7, 8, 11],
    [1, 11],
  ],
  [
    [1, 3, 8, 9],
    [0, 2, 5, 6, 8, 12],
    [0, 3, 5, 6, 8, 12],
  ],
];

test.each(pairs)('ranges %j and %j add up as whole vectors do, and hold %j', (ours, theirs, both) => {
  const a = sparse(ours, (i) => i + 1);
  const b = sparse(theirs, (i) => 100 * (i + 1));
  const [left, right] = [dense(a), dense(b)];
  const { sum, sumOfSquares } = addSparse(a, b);
  expect(sum.values).toBe(a.values);
  expect(sum.ranges).toEqual(both);
  const expected = left.map((value, i) => value + right[i]!);
  expect(dense(sum)).toEqual(expected);
  expect(sumOfSquares).toBe(expected.reduce((squares, value) => squares + value * value, 0));
});

test('the sum of squares is that of the ranges', () => {
  expect(sumOfSquares(sparse([1, 2, 4, 10], (i) => i))).toBe(1 + 16 + 25 + 36 + 49 + 64 + 81);
});

test('ranges that touch are one', () => {
  const list = new RangeList();
  for (const [from, to] of [
    [0, 2],
    [2, 2],
    [2, 4],
    [5, 6],
  ] as const)
    list.append(from, to);
  expect(list.ranges).toEqual([0, 4, 5, 6]);
  expect(list.end).toBe(6);
});

test.each([
  ['few rows', (row: number) => row % 10 === 3, 'all'],
  ['most rows', (row: number) => row % 10 !== 3, 'all'],
  ['few values', (row: number) => row % 10 === 3, 'one'],
  ['nothing', () => false, 'all'],
] as const)('of %s the rows that changed are those that were sent', (_, isUsed, values) => {
  const parameters = [
    { name: 'bias', shape: [5] },
    { name: 'table', shape: [100, 32] },
  ];
  for (const layout of partition(parameters, 2)) {
    const vector = new Float32Array(layout.length);
    for (const { offset, length, rowLength } of layout.slices) {
      for (let row = 0; row < length / rowLength; row++) {
        const start = offset + row * rowLength;
        if (isUsed(row)) vector.fill(1, start, values === 'all' ? start + rowLength : start + 1);
      }
    }
    const parts = partsOfVector(layout, vector);
    const sent = nonzeroRows(parts);
    expect(rowsWithin(layout, rangesOf(parts, sent).ranges)).toEqual(sent);
  }
});
