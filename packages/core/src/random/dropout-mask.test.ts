import { expect, test } from 'vitest';
import { type DropoutMask, fillDropoutMask } from './dropout-mask.js';

const whole: DropoutMask = { rate: 0.25, seed: 11, step: 3, site: 1, firstLane: 0, lanes: 6, time: 5, width: 7 };

function mask(options: DropoutMask): Float32Array {
  const values = new Float32Array(options.time * options.lanes * options.width);
  fillDropoutMask(values, options);
  return values;
}

/** The elements of one lane, in order of time. */
function laneOf(values: Float32Array, lane: number, { lanes, time, width }: DropoutMask): number[] {
  return Array.from({ length: time }, (_, t) => [
    ...values.subarray((t * lanes + lane) * width, (t * lanes + lane + 1) * width),
  ]).flat();
}

test('an element is zero or 1/(1 − rate)', () => {
  expect(new Set(mask(whole))).toEqual(new Set([0, Math.fround(4 / 3)]));
  expect(new Set(mask({ ...whole, rate: 0 }))).toEqual(new Set([1]));
});

test.each([0.1, 0.5, 0.8])('a rate of %d drops that share of the elements and keeps the mean at 1', (rate) => {
  const values = mask({ ...whole, rate, lanes: 20, width: 1000 });
  expect(values.filter((value) => value === 0).length / values.length).toBeCloseTo(rate, 2);
  expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(1, 1);
});

test('workers with slices of the lanes draw what one worker with all lanes draws', () => {
  const all = mask(whole);
  for (const [firstLane, lanes] of [
    [0, 2],
    [2, 1],
    [3, 3],
  ] as const) {
    const slice = { ...whole, firstLane, lanes };
    for (let lane = 0; lane < lanes; lane++) {
      expect(laneOf(mask(slice), lane, slice)).toEqual(laneOf(all, firstLane + lane, whole));
    }
  }
});

test('the same step draws the same mask; another seed, step, site or lane draws another', () => {
  expect(mask(whole)).toEqual(mask({ ...whole }));
  for (const other of [{ seed: 12 }, { seed: 11 + 2 ** 32 }, { step: 4 }, { site: 2 }, { firstLane: 6 }]) {
    expect(mask({ ...whole, ...other })).not.toEqual(mask(whole));
  }
});

test('neighbouring lanes and steps are uncorrelated', () => {
  const long = { ...whole, rate: 0.5, lanes: 2, width: 2000 };
  const first = mask(long);
  const agreement = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).filter((value, k) => value === b[k]).length / a.length;
  expect(agreement(laneOf(first, 0, long), laneOf(first, 1, long))).toBeCloseTo(0.5, 1);
  expect(agreement(first, mask({ ...long, step: 4 }))).toBeCloseTo(0.5, 1);
});

test('a mask of another size is refused', () => {
  expect(() => fillDropoutMask(new Float32Array(10), whole)).toThrow('5·6·7 elements does not fit an array of 10');
});
