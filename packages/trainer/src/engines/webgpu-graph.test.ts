import * as tf from '@tensorflow/tfjs-core';
import { encodeOnnx, type OnnxGraph, trace } from '@unroll/core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { forWebGpu } from './webgpu-graph.js';

/** The graph's outputs by ONNX Runtime on the CPU, in order. */
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
