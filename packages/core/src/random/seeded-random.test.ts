import { expect, test } from 'vitest';
import { seededRandom } from './seeded-random.js';

function take(count: number, seed: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, random);
}

test('the same seed gives the same numbers, another seed others', () => {
  expect(take(100, 7)).toEqual(take(100, 7));
  expect(take(100, 7)).not.toEqual(take(100, 8));
  expect(take(100, 7)).not.toEqual(take(100, 7 + 2 ** 32));
});

test("the numbers are sfc32's, so they can never change unnoticed", () => {
  expect(take(3, 1).map((number) => number * 2 ** 32)).toEqual([3387734806, 1080862987, 3546521498]);
});

test('the numbers are uniform in [0, 1)', () => {
  const count = 100_000;
  const buckets = new Array<number>(10).fill(0);
  for (const number of take(count, 3)) buckets[Math.floor(number * 10)]! += 1;
  const chiSquared = buckets.reduce((sum, seen) => sum + (seen - count / 10) ** 2 / (count / 10), 0);
  // The 99.9 % quantile of chi-squared with 9 degrees of freedom.
  expect(chiSquared).toBeLessThan(27.9);
});

test('a seed that is not a whole number is refused', () => {
  expect(() => seededRandom(0.5)).toThrow('seed 0.5: must be an integer from 0 to 2^53 - 1');
  expect(() => seededRandom(-1)).toThrow(RangeError);
});
