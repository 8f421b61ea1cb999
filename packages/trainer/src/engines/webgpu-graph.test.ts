import * as tf from '@tensorflow/tfjs-core';
import { encodeOnnx, type OnnxGraph, trace } from '@unroll/core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { forWebGpu } from './webgpu-graph.js';

/** Returns the graph's outputs from ONNX Runtime on the CPU, in order. */
async function outputsOf(graph: OnnxGraph, rows: number): Promise<number[][]> {
  const session = await InferenceSession.create(encodeOnnx(graph), { logSeverityLevel: 3 });
  const x = Float32Array.from({ length: rows * 2 }, (_, k) => k);
  const outputs = await session.run({ x: new Tensor('float32', x, [rows, 2]) });
  await session.release();
  return graph.outputs.map(({ name }) => [...(outputs[name]!.data as Float32Array)]);
}

describe.each([7, 8, 20, 35, 128])('a split into %i', (count) => {
  const graph = trace(
    ({ x }) => Object.fromEntries(tf.split(x!, count).map((part, k) => [`part.${k}`, tf.neg(part)])),
    { x: { shape: [3 * count, 2], dtype: 'float32' } },
  );
  const rewritten = forWebGpu(graph);

  test('becomes splits into at most 7', () => {
    const splits = rewritten.nodes.filter(({ opType }) => opType === 'Split');
    expect(splits).not.toEqual([]);
    expect(Math.max(...splits.map(({ outputs }) => outputs.length))).toBeLessThanOrEqual(7);
  });

  test('gives the same parts', async () => {
    expect(await outputsOf(rewritten, 3 * count)).toEqual(await outputsOf(graph, 3 * count));
  });
});

test('a split into unequal parts gives the same parts', async () => {
  const sizes = [1, 2, 3, 1, 2, 3, 1, 2, 3, 4];
  const graph = trace(
    ({ x }) => Object.fromEntries(tf.split(x!, sizes).map((part, k) => [`part.${k}`, tf.neg(part)])),
    { x: { shape: [22, 2], dtype: 'float32' } },
  );
  expect(await outputsOf(forWebGpu(graph), 22)).toEqual(await outputsOf(graph, 22));
});

describe('operators that the WebGPU provider lacks', () => {
  test.each<[string, (x: tf.Tensor) => tf.Tensor]>([
    ['a part', (x) => tf.slice(x, [2, 1], [3, 1])],
    ['every other row', (x) => tf.stridedSlice(x, [1, 0], [6, 2], [2, 1])],
    ['every other row backwards, to the first', (x) => tf.stridedSlice(x, [4, 0], [0, 2], [-2, 1], 0, 1)],
    ['the columns backwards', (x) => tf.reverse(x, [1])],
    ['all backwards', (x) => tf.reverse(x)],
  ])('a slice of integers gives the same without one: %s', async (_, slice) => {
    // These values are larger than float32 can hold exactly.
    const integers = (x: tf.Tensor) => tf.add(tf.cast(x, 'int32'), tf.scalar(2 ** 24 + 1, 'int32'));
    const asFloats = (x: tf.Tensor) => tf.cast(tf.sub(x, tf.scalar(2 ** 24, 'int32')), 'float32');
    const graph = trace(({ x }) => ({ y: asFloats(slice(integers(x!))) }), { x: { shape: [6, 2], dtype: 'float32' } });
    const rewritten = forWebGpu(graph);
    expect(graph.nodes.map(({ opType }) => opType)).toContain('Slice');
    expect(rewritten.nodes.map(({ opType }) => opType)).not.toContain('Slice');
    expect(await outputsOf(rewritten, 6)).toEqual(await outputsOf(graph, 6));
  });

  test('a slice of floats stays one', () => {
    const graph = trace(({ x }) => ({ y: tf.slice(x!, [1, 0], [2, 2]) }), { x: { shape: [6, 2], dtype: 'float32' } });
    expect(forWebGpu(graph)).toEqual(graph);
  });

  test('LogSoftmax gives the same in parts, of large numbers too', async () => {
    const graph: OnnxGraph = {
      inputs: [{ name: 'x', dtype: 'float32', shape: [100, 2] }],
      outputs: [{ name: 'y', dtype: 'float32', shape: [100, 2] }],
      initializers: [],
      nodes: [{ opType: 'LogSoftmax', inputs: ['x'], outputs: ['y'], attributes: { axis: { i: -1 } } }],
    };
    const [expected, actual] = [await outputsOf(graph, 100), await outputsOf(forWebGpu(graph), 100)];
    actual[0]!.forEach((value, k) => {
      expect(value).toBeCloseTo(expected[0]![k]!, 5);
    });
  });

  test.each<[string, (x: tf.Tensor) => tf.Tensor]>([
    ['IsNaN', (x) => tf.max(x, 1)],
    ['Sign', tf.sign],
  ])('%s gives the same without one', async (operator, op) => {
    // The logarithms are NaN, −∞, 0 and positive.
    const graph = trace(({ x }) => ({ y: op(tf.log(tf.sub(x!, 1))) }), { x: { shape: [3, 2], dtype: 'float32' } });
    const rewritten = forWebGpu(graph);
    expect(graph.nodes.map(({ opType }) => opType)).toContain(operator);
    expect(rewritten.nodes.map(({ opType }) => opType)).not.toContain(operator);
    expect(await outputsOf(rewritten, 3)).toEqual(await outputsOf(graph, 3));
  });
});
