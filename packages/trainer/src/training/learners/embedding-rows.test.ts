import { expect, test } from 'vitest';
import { sumTokenRows } from './embedding-rows.js';

test('the rows of equal ids are added up, and the sums come in the order of the ids', () => {
  const rows = Float32Array.of(1, 2, 10, 20, 3, 4, 100, 200, 5, 6);
  expect(sumTokenRows(Int32Array.of(7, 3, 7, 0, 7), rows)).toEqual({
    rows: Int32Array.of(0, 3, 7),
    values: Float32Array.of(100, 200, 10, 20, 9, 12),
  });
});

test('they are added in the order of the tokens, so that the sum is the same to the last bit', () => {
  const large = 2 ** 24; // adding 1 to it changes nothing in float32
  expect(sumTokenRows(Int32Array.of(1, 1, 1), Float32Array.of(large, 1, -large)).values).toEqual(Float32Array.of(0));
  expect(sumTokenRows(Int32Array.of(1, 1, 1), Float32Array.of(large, -large, 1)).values).toEqual(Float32Array.of(1));
});
