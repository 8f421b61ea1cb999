import { expect, test } from 'vitest';
import { bestEvaluation, earlyStop, Interval } from './course.js';

test('an interval in steps is due at its multiples, whenever the run began', () => {
  const interval = new Interval(5);
  expect([4, 5, 7, 10].map((step) => interval.isDue(step))).toEqual([false, true, false, true]);
  expect([4, 5, 7].map((step) => interval.nextAfter(step))).toEqual([5, 10, 10]);
});

test.each([
  ['30s', 30],
  ['1.5m', 90],
  ['2h', 7200],
])('an interval of %s is due %d seconds after its work was last done', (given, seconds) => {
  let now = 100;
  const interval = new Interval(given, () => now);
  now += seconds - 1;
  expect(interval.isDue(3)).toBe(false);
  now += 1;
  expect(interval.isDue(3)).toBe(true);
  interval.done();
  expect(interval.isDue(3)).toBe(false);
  expect(interval.nextAfter(3)).toBe(Number.POSITIVE_INFINITY);
});

test('no interval is never due', () => {
  expect(new Interval(undefined).isDue(10)).toBe(false);
});

const evaluations = [3, 2, 2, 4].map((value, k) => ({ step: 10 * (k + 1), value }));

test('of equal evaluations the first is the best', () => {
  expect(bestEvaluation('lower', evaluations)).toEqual({ step: 20, value: 2 });
  expect(bestEvaluation('higher', evaluations)).toEqual({ step: 40, value: 4 });
  expect(bestEvaluation('lower', [])).toBeUndefined();
});

test('training ends early after so many evaluations without a new best', () => {
  expect(earlyStop(2, 'lower', evaluations)).toBe(40);
  expect(earlyStop(3, 'lower', evaluations)).toBeUndefined();
  expect(earlyStop(1, 'higher', evaluations)).toBeUndefined();
  expect(earlyStop(undefined, 'lower', evaluations)).toBeUndefined();
});
