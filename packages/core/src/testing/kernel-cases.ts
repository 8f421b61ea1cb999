/**
 * For tests of lowerings: runs TensorFlow.js kernels on its cpu backend and, traced, in ONNX Runtime, and compares the
 * results.
 */
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import type { NamedTensors } from '../tensors/named-tensors.js';
import type { LoweringTable } from '../tracing/lowering/lowering.js';
import { trace } from '../tracing/trace.js';
import { runGraph, type Values } from './onnx-runtime.js';

/** A function that calls kernels on its inputs, to be traced and compared. */
export interface KernelCase {
  readonly inputs: Readonly<Record<string, Values>>;
  readonly fn: (inputs: NamedTensors) => tf.Tensor | tf.Tensor[];
}

/** Deterministic values in [-1, 1] without repetition or order. */
export function floats(...dims: number[]): Values {
  const count = dims.reduce((a, b) => a * b, 1);
  return { shape: dims, values: Array.from({ length: count }, (_, k) => Math.fround(Math.sin(12.9898 * (k + 1)))) };
}

/** Deterministic values of at least 0.1. */
export function positive(...dims: number[]): Values {
  return { shape: dims, values: floats(...dims).values.map((value) => Math.fround(Math.abs(value) + 0.1)) };
}

export const integers = (dims: number[], values: number[]): Values => ({ shape: dims, values, dtype: 'int32' });
export const booleans = (dims: number[], values: number[]): Values => ({ shape: dims, values, dtype: 'bool' });

const named = (result: tf.Tensor | tf.Tensor[]): NamedTensors =>
  Object.fromEntries([result].flat().map((tensor, k) => [`output.${k}`, tensor]));

/** Declares the tests of these tables' lowerings. The cases exercise each kernel, by name. */
export function describeKernels(
  tables: readonly LoweringTable[],
  cases: Readonly<Record<string, readonly KernelCase[]>>,
): void {
  beforeAll(async () => {
    await tf.setBackend('cpu');
  });

  test('every lowering of a TensorFlow.js kernel has its cases here', () => {
    expect(Object.keys(cases).sort()).toEqual(tables.flatMap((table) => Object.keys(table)).sort());
  });

  describe.each(Object.entries(cases))('%s', (kernelName, kernelCases) => {
    test.each(kernelCases.map((kernelCase) => [signature(kernelCase), kernelCase] as const))(
      'of %s, traced, computes what the cpu backend computes',
      async (_, { inputs, fn }) => {
        const tensors = Object.fromEntries(
          Object.entries(inputs).map(([name, { values, shape, dtype }]) => [
            name,
            tf.tensor([...values], [...shape], dtype),
          ]),
        );
        let expected: NamedTensors = {};
        const { kernelNames } = await tf.profile(() => {
          expected = named(fn(tensors));
          return Object.values(expected);
        });
        expect(kernelNames).toContain(kernelName);

        const specs = Object.entries(inputs).map(([name, { shape, dtype = 'float32' }]) => [name, { shape, dtype }]);
        const graph = trace((traced) => named(fn(traced)), Object.fromEntries(specs));
        const actual = await runGraph(graph, inputs);

        expect(graph.outputs).toEqual(
          Object.entries(expected).map(([name, { shape, dtype }]) => ({ name, shape, dtype })),
        );
        for (const [name, tensor] of Object.entries(expected)) {
          const values = Array.from(tensor.dataSync());
          expect(actual[name]).toHaveLength(values.length);
          values.forEach((value, k) => {
            expect(actual[name]![k]).toBeCloseTo(value, 5);
          });
        }
      },
    );
  });
}

function signature({ inputs }: KernelCase): string {
  return Object.values(inputs)
    .map(({ shape, dtype = 'float32' }) => `${dtype} [${shape.join(', ')}]`)
    .join(' and ');
}
