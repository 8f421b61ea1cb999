import { describe, expect, test } from 'vitest';
import { backends } from '../../testing/backends.js';
import { maxOverAxis } from './max-over-axis.js';

describe.each(Object.entries(backends))('MaxOverAxis on %s', (_, evaluate) => {
  test('is the greatest value along the axis; several equal maxima share its gradient', async () => {
    const { outputs, gradients } = await evaluate({
      fn: ({ x }) => [maxOverAxis(x!, 1)],
      inputs: { x: { shape: [2, 4, 2], values: [1, -1, 3, -2, 3, -3, 2, -4, 5, 0, 5, 0, 5, 7, 5, 0] } },
      parameters: ['x'],
      weights: [[6, 2, 8, 3]],
    });
    expect(outputs[0]).toEqual([3, -1, 5, 7]);
    expect(gradients.x).toEqual([0, 2, 3, 0, 3, 0, 0, 0, 2, 0, 2, 0, 2, 3, 2, 0]);
  });
});
