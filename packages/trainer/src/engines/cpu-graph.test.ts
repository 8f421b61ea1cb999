import { sumOfSquares, trace } from '@unroll/core';
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

test('what reduces a traced sum of squares is a product, and other graphs stay as they are', () => {
  const vector = { x: { shape: [3], dtype: 'float32' as const } };
  const squares = forCpu(trace(({ x }) => ({ sum: sumOfSquares(x!) }), vector));
  expect(squares.nodes.map(({ opType }) => opType)).toContain('FusedMatMul');
  expect(squares.nodes.map(({ opType }) => opType)).not.toContain('ReduceSumSquare');
  const copy = trace(({ x }) => ({ copy: x! }), vector);
  expect(forCpu(copy)).toBe(copy);
});
