import { encodeOnnx, float32Tensor, type OnnxGraph } from '@unroll/core/onnx';
import * as ortNode from 'onnxruntime-node';
import * as ortWeb from 'onnxruntime-web/wasm';
import { describe, expect, test } from 'vitest';
import { randomStepGraph } from '../testing/step-graph.js';
import { type MatrixScheme, quantize } from './quantize.js';

ortWeb.env.wasm.numThreads = 1;
const engines = { 'onnxruntime-node': ortNode, 'onnxruntime-web': ortWeb };

/** The logits of each token of `ids`, read one after another from the zero state. */
async function logitsOf(engine: keyof typeof engines, graph: OnnxGraph, ids: readonly number[]): Promise<number[][]> {
  const ort = engines[engine] as typeof ortNode;
  const session = await ort.InferenceSession.create(encodeOnnx(graph));
  let feeds: Record<string, ortNode.Tensor> = {};
  for (const { name, shape } of graph.inputs.filter((input) => input.name !== 'ids')) {
    feeds[name] = new ort.Tensor('float32', new Float32Array(shape[1] as number), shape as number[]);
  }
  const logits = [];
  for (const id of ids) {
    const outputs = await session.run({ ...feeds, ids: new ort.Tensor('int32', [id], [1]) });
    logits.push([...(outputs.logits!.data as Float32Array)]);
    feeds = Object.fromEntries(Object.keys(feeds).map((name) => [name, outputs[`next.${name}`]!]));
  }
  await session.release();
  return logits;
}

/** Root mean squared difference, relative to the root mean square of `expected`. */
function relativeError(actual: number[][], expected: number[][]): number {
  const [a, e] = [actual.flat(), expected.flat()];
  const squares = (values: number[]) => values.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(squares(a.map((value, i) => value - e[i]!)) / squares(e));
}

const ids = [0, 7, 99, 7, 300, 12, 256, 1];
const sizes = { vocabSize: 301, embeddingDim: 72, hiddenDim: 72 };
const graphs = {
  'V301-E60-H72-rnn': randomStepGraph({ ...sizes, embeddingDim: 60, cell: 'rnn' }),
  'V301-E60-H72-L2-lstm': randomStepGraph({ ...sizes, embeddingDim: 60, cell: 'lstm', layers: 2 }),
  'V301-E72-H72-gru-tied': randomStepGraph({ ...sizes, cell: 'gru', tieWeights: true }),
};
const bounds = { float32: 1e-5, int8: 0.02, 'int8-weights': 0.02, 'int8-blocks': 0.02, int4: 0.2 };

describe.each(Object.entries(graphs))('%s', (_, graph) => {
  const expected = logitsOf('onnxruntime-node', graph, ids);

  test.each(
    Object.keys(engines).flatMap((engine) =>
      Object.keys(bounds).map((scheme) => [engine, scheme] as [keyof typeof engines, MatrixScheme]),
    ),
  )('%s computes the float logits from %s weights', async (engine, scheme) => {
    const actual = await logitsOf(
      engine,
      quantize(graph, () => scheme),
      ids,
    );
    const error = relativeError(actual, await expected);
    expect(error).toBeLessThan(bounds[scheme]);
  });

  test.each([['int8', 3] as const, ['int8-weights', 3] as const, ['int4', 3.5] as const])(
    '%s weights take at least %f times less space',
    (scheme, ratio) => {
      const size = encodeOnnx(graph).length / encodeOnnx(quantize(graph, () => scheme)).length;
      expect(size).toBeGreaterThan(ratio);
    },
  );
});

test('small matrices, biases and products scaled by alpha stay float32', () => {
  const graph: OnnxGraph = {
    inputs: [{ name: 'x', dtype: 'float32', shape: [1, 64] }],
    outputs: [{ name: 'y', dtype: 'float32', shape: [1, 64] }],
    initializers: [
      float32Tensor('small', [64, 63], new Float32Array(64 * 63)),
      float32Tensor('scaled', [63, 64], new Float32Array(63 * 64)),
      float32Tensor('large', [64, 64], new Float32Array(64 * 64)),
    ],
    nodes: [
      { opType: 'MatMul', inputs: ['x', 'small'], outputs: ['a'] },
      { opType: 'Gemm', inputs: ['a', 'scaled'], outputs: ['b'] },
      { opType: 'Gemm', inputs: ['b', 'large'], outputs: ['y'], attributes: { alpha: { f: 0.5 } } },
    ],
  };
  expect(quantize(graph, () => 'int8')).toEqual(graph);
});

test('an embedding that is also the output matrix is stored once', () => {
  for (const scheme of ['int8', 'int8-weights', 'int8-blocks', 'int4'] as const) {
    const { initializers } = quantize(randomStepGraph({ ...sizes, tieWeights: true }), () => scheme);
    const tables = initializers.filter(({ name, dtype }) => name.startsWith('embedding') && dtype !== 'float32');
    expect(tables.filter(({ data }) => data.length > sizes.vocabSize)).toHaveLength(1);
  }
});
