import { encodeOnnx, float32Tensor, type OnnxGraph } from '@unroll/core/onnx';
import * as ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { assembledKernels } from '../../../../scripts/assemble-kernels.mjs';
import { quantize } from '../quantization/quantize.js';
import { loadStepModel, type StepModel } from '../runtime/step.js';
import { olderGraph } from '../testing/older-graph.js';
import { randomStepGraph } from '../testing/step-graph.js';
import { loadDecoder } from './decoder.js';
import { kernelsBase64 } from './kernels.wasm.js';
import { UnknownOperator } from './program.js';

function stateOf(graph: OnnxGraph) {
  return graph.inputs
    .filter(({ name }) => name !== 'ids')
    .map(({ name, shape }) => ({ input: name, output: `next.${name}`, shape: shape.map(Number) }));
}

/** The logits of each token of `ids`, read one after another from the zero state. */
async function logitsOf(model: StepModel, ids: readonly number[]): Promise<number[]> {
  const all: number[] = [];
  let state = model.initialState;
  for (const id of ids) {
    const result = await model.step(state, id);
    all.push(...result.logits);
    state = result.state;
  }
  await model.dispose();
  return all;
}

/** Root mean squared difference, relative to the root mean square of `expected`. */
function relativeError(actual: readonly number[], expected: readonly number[]): number {
  const squares = (values: readonly number[]) => values.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(squares(actual.map((value, i) => value - expected[i]!)) / squares(expected));
}

const ids = [0, 7, 99, 7, 300, 12, 256, 1];
const sizes = { vocabSize: 301, embeddingDim: 70, hiddenDim: 70 };
const graphs = {
  'V301-E60-H72-rnn': randomStepGraph({ ...sizes, embeddingDim: 60, hiddenDim: 72, cell: 'rnn' }),
  'V301-E60-H72-L2-lstm': randomStepGraph({ ...sizes, embeddingDim: 60, hiddenDim: 72, cell: 'lstm', layers: 2 }),
  'V301-E70-H70-lstm-two-biases': randomStepGraph({ ...sizes, cell: 'lstm', recurrentBias: true }),
  'V301-E70-H70-gru-tied': randomStepGraph({ ...sizes, cell: 'gru', tieWeights: true }),
  'V301-E70-H134-P70-cifg-tied': randomStepGraph({
    ...sizes,
    ...{ hiddenDim: 134, projectionDim: 70, cell: 'cifg', tieWeights: true },
  }),
  'V301-E70-H70-L2-mingru-tied': randomStepGraph({ ...sizes, cell: 'mingru', layers: 2, tieWeights: true }),
  'V301-E60-H72-lstm-adaptive': randomStepGraph({
    ...{ ...sizes, embeddingDim: 60, hiddenDim: 72, cell: 'lstm' },
    softmax: { name: 'adaptive', cutoffs: [60, 120] },
  }),
  'V301-E60-H72-L2-minlstm': randomStepGraph({ ...sizes, embeddingDim: 60, hiddenDim: 72, cell: 'minlstm', layers: 2 }),
};
// Activations of integer products have at least 13 bits here, and 16 in ONNX Runtime.
const bounds = { float32: 1e-6, int8: 3e-4, 'int8-blocks': 1e-5, int4: 3e-4 };

describe.each(Object.entries(graphs))('%s', (_, graph) => {
  const manifest = { state: stateOf(graph) };

  test.each(Object.keys(bounds) as (keyof typeof bounds)[])("%s weights give ONNX Runtime's logits", async (scheme) => {
    const model = encodeOnnx(quantize(graph, () => scheme));
    const actual = await logitsOf(await loadDecoder(model, manifest), ids);
    const expected = await logitsOf(await loadStepModel(model, manifest, ort), ids);
    expect(relativeError(actual, expected)).toBeLessThan(bounds[scheme]);
  });

  test("int8 weights of older bundles give ONNX Runtime's logits", async () => {
    const model = encodeOnnx(olderGraph(quantize(graph, () => 'int8')));
    const actual = await logitsOf(await loadDecoder(model, manifest), ids);
    const newer = encodeOnnx(quantize(graph, () => 'int8'));
    expect(actual).toEqual(await logitsOf(await loadDecoder(newer, manifest), ids));
    const expected = await logitsOf(await loadStepModel(model, manifest, ort), ids);
    expect(relativeError(actual, expected)).toBeLessThan(0.02); // ONNX Runtime rounds their activations to 8 bits
  });

  test('a step from an earlier state gives the same result again', async () => {
    const model = await loadDecoder(encodeOnnx(quantize(graph, () => 'int8')), manifest);
    const first = await model.step(model.initialState, 3);
    const second = await model.step(first.state, 5);
    await model.step(second.state, 9);
    expect(await model.step(first.state, 5)).toEqual(second);
  });
});

test('a graph with another operator is refused by its name', async () => {
  const graph: OnnxGraph = {
    inputs: [{ name: 'x', dtype: 'float32', shape: [1, 4] }],
    outputs: [{ name: 'logits', dtype: 'float32', shape: [1, 4] }],
    initializers: [float32Tensor('w', [4], [1, 2, 3, 4])],
    nodes: [{ opType: 'Elu', inputs: ['x'], outputs: ['logits'] }],
  };
  const refusal = await loadDecoder(encodeOnnx(graph), { state: [] }).catch((error) => error);
  expect(refusal).toBeInstanceOf(UnknownOperator);
  expect(refusal.message).toContain('Elu');
});

test('the committed kernels are those of kernels.wat', async () => {
  const written = (await assembledKernels()).match(/(?<=')[\w+/=]+(?=')/g);
  expect(written?.join('')).toBe(kernelsBase64);
});
