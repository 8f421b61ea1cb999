import { expect, test } from 'vitest';
import { Restarts } from './restarts.js';

test('a process that is killed again and again is started after growing pauses, and at last no more', () => {
  const restarts = new Restarts(8);
  const pauses = Array.from({ length: 9 }, () => restarts.next(1));
  expect(pauses).toEqual([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, undefined]);
  expect(restarts.count).toBe(8);
});

test('a process that lives long may be killed as often as the run is long', () => {
  const restarts = new Restarts(2);
  for (let week = 0; week < 20; week++) expect(restarts.next(604_800)).toBe(0.2);
  expect([restarts.next(1), restarts.next(1)]).toEqual([0.4, undefined]);
});

test('a process that is not to be started again is not, however long it lived', () => {
  expect(new Restarts(0).next(604_800)).toBe(undefined);
});
