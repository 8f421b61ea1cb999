import { expect, test } from 'vitest';
import { inSteps, lastOf } from './steps.js';

const shown = { label: 'work', total: 3, unit: 'steps' };

/** Keeps the thread busy, as the encoding of a text does. */
function* work(steps: number, milliseconds: number): Generator<number, string, undefined> {
  for (let step = 1; step <= steps; step++) {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
    yield step;
  }
  return 'done';
}

test('work in steps returns what it returns at once', async () => {
  expect(lastOf(work(3, 0))).toBe('done');
  expect(await inSteps(work(3, 60), shown, undefined)).toBe('done');
});

test('a timer or a signal has its turn between two steps, and may end the work', async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error('interrupted')), 1);
  await expect(inSteps(work(Number.POSITIVE_INFINITY, 20), shown, controller.signal)).rejects.toThrow('interrupted');
});
