import * as tf from '@tensorflow/tfjs-core';
import { type OnnxGraph, sumOfSquares, trace } from '@unroll/core';
import { Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { forCpu } from './cpu-graph.js';
import { createSession } from './onnx-session.js';

async function sumOn(threads: number, shape: number[], values: Float32Array): Promise<number> {
  const traced = trace(({ x }) => ({ sum: sumOfSquares(x!) }), { x: { shape, dtype: 'float32' } });
  const session = await createSession(forCpu(traced), { provider: 'cpu', threads });
  const { sum } = await session.run({ x: new Tensor('float32', values, shape) });
  await session.release();
  return (sum!.data as Float32Array)[0]!;
}

test.each([[[3]], [[40, 1000]], [[512, 20]], [[7, 3, 11]]])(
  'the sum of squares of %j is that of float64 to float32 rounding, and the same on one thread and on two',
  async (shape) => {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    const values = Float32Array.from({ length: size }, (_, k) => Math.sin(k));
    const exact = values.reduce((sum, value) => sum + value * value, 0);
    const single = await sumOn(1, shape, values);
    expect(Math.abs(single - exact) / exact).toBeLessThan(1e-6);
    expect(await sumOn(2, shape, values)).toBe(single);
  },
);

test('the reduction of a traced sum of squares becomes a product, and other graphs do not change', () => {
  const vector = { x: { shape: [3], dtype: 'float32' as const } };
  const squares = forCpu(trace(({ x }) => ({ sum: sumOfSquares(x!) }), vector));
  expect(squares.nodes.map(({ opType }) => opType)).toContain('FusedMatMul');
  expect(squares.nodes.map(({ opType }) => opType)).not.toContain('ReduceSumSquare');
  const copy = trace(({ x }) => ({ copy: x! }), vector);
  expect(forCpu(copy)).toBe(copy);
});

test('a product with a transposed factor becomes one with its transpose', () => {
  const matrix = (rows: number, columns: number) => ({ shape: [rows, columns], dtype: 'float32' as const });
  const inputs = { a: matrix(5, 2), b: matrix(5, 3) };
  const { nodes } = forCpu(trace(({ a, b }) => ({ y: tf.matMul(a!, b!, true) }), inputs));
  expect(nodes.map(({ opType }) => opType)).toEqual(expect.arrayContaining(['Transpose', 'Gemm']));
  expect(nodes.filter(({ attributes }) => attributes?.transA).map((node) => node.attributes!.transA)).toEqual([
    { i: 0 },
  ]);
});

test('a bias is added after the product that started from it, other addends before', () => {
  const matrix = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
  const inputs = { a: matrix(5, 2), b: matrix(2, 3), bias: matrix(3), addend: matrix(5, 3) };
  const traced = (added: 'bias' | 'addend') =>
    trace((values) => ({ y: tf.add(tf.matMul(values.a!, values.b!), values[added]!) }), inputs);
  const operators = ({ nodes }: OnnxGraph) => nodes.slice(0, -1).map((node) => [node.opType, node.inputs.length]);
  expect(operators(traced('bias'))).toEqual([['Gemm', 3]]);
  expect(operators(forCpu(traced('bias')))).toEqual([
    ['Gemm', 2],
    ['Add', 2],
  ]);
  const other = traced('addend');
  expect(operators(other)).toEqual([['Gemm', 3]]);
  expect(forCpu(other)).toBe(other);
});
