import { expect, test } from 'vitest';
import { requireFiniteParameters } from './finite.js';

test('a parameter with values that are NaN or infinite is named, with their number', () => {
  const output = Float32Array.of(0, Number.NaN, Number.NEGATIVE_INFINITY);
  expect(() => requireFiniteParameters({ embedding: Float32Array.of(1, 2), output }, 'runs/first')).toThrow(
    "runs/first: parameter 'output' has 2 NaN or infinite values among 3; take weights of the training from before it diverged",
  );
  expect(() => requireFiniteParameters({ embedding: Float32Array.of(1, 2) }, 'runs/first')).not.toThrow();
});
