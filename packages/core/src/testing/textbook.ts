/**
 * For tests: compares a kernel with its textbook loop, `naive*.ts`, and its gradients with the loop's finite
 * differences.
 */
import { expect } from 'vitest';
import type { Vector } from '../kernels/naive-linear-algebra.js';
import type { Differentiable } from './backends.js';
import type { Values } from './onnx-runtime.js';

/**
 * A textbook loop over float64 arrays for the whole batch. Returns the kernel's outputs, flattened in the kernel's
 * layout.
 */
export type Naive = (inputs: Readonly<Record<string, Values>>) => number[][];

/** The vectors along a tensor's last axis. */
export const rows = ({ shape, values }: Values): number[][] => {
  const width = shape.at(-1)!;
  return Array.from({ length: values.length / width }, (_, k) => values.slice(k * width, (k + 1) * width));
};

/** Runs `run` for each sequence of the batch; outputs are [time, batch, hidden], then each state [batch, hidden]. */
export function perSequence(
  x: Values,
  run: (xs: Vector[], sequence: number) => { outputs: readonly Vector[]; states: readonly Vector[] },
): number[][] {
  const [time = 0, batch = 0] = x.shape;
  const xRows = rows(x);
  const results = Array.from({ length: batch }, (_, b) =>
    run(
      Array.from({ length: time }, (_, t) => xRows[t * batch + b]!),
      b,
    ),
  );
  const outputs = Array.from({ length: time }, (_, t) => results.flatMap((result) => [...result.outputs[t]!])).flat();
  const states = results[0]!.states.map((_, k) => results.flatMap((result) => [...result.states[k]!]));
  return [outputs, ...states];
}

/** Deterministic values in [-1, 1] without repetition or order. */
export const spread = (count: number, phase: number) =>
  Array.from({ length: count }, (_, k) => Math.sin(12.9898 * (k + 1) + phase));

/** {@link spread} for each of these shapes, exact in float32. */
export function spreadInputs(shapes: Readonly<Record<string, readonly number[]>>): Record<string, Values> {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape], k) => {
      const count = shape.reduce((a, b) => a * b, 1);
      return [name, { shape, values: spread(count, k).map(Math.fround) }];
    }),
  );
}

/** ∂(Σ weights·outputs)/∂(each element of each parameter), by central differences in float64. */
export function finiteDifferences(
  naive: Naive,
  { inputs, parameters, weights }: Differentiable,
): Record<string, number[]> {
  const step = 1e-5;
  const loss = (changed: Record<string, Values>) =>
    naive({ ...inputs, ...changed }).reduce(
      (sum, output, k) => sum + output.reduce((inner, value, e) => inner + value * weights[k]![e]!, 0),
      0,
    );
  return Object.fromEntries(
    parameters.map((name) => {
      const { shape, values } = inputs[name]!;
      const derivatives = values.map((value, k) => {
        const shifted = (delta: number) => loss({ [name]: { shape, values: values.with(k, value + delta) } });
        return (shifted(step) - shifted(-step)) / (2 * step);
      });
      return [name, derivatives];
    }),
  );
}

/**
 * Expects every element to be within `tolerance` of the expected one, relative to the largest expected one, which may
 * be zero.
 */
export function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  const worst = Math.max(...expected.map((value, k) => Math.abs(actual[k]! - value)));
  expect(worst / (largest || 1)).toBeLessThan(tolerance);
}
