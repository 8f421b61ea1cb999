import * as ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { randomStepGraph } from '../testing/step-graph.js';
import { chooseByMeasurement } from './measure.js';
import { chooseByRule } from './plan.js';
import { weightMatrices } from './quantize.js';

const graph = randomStepGraph({ vocabSize: 301, embeddingDim: 72, hiddenDim: 72 });
const tied = randomStepGraph({ vocabSize: 301, embeddingDim: 72, hiddenDim: 72, tieWeights: true });
const schemes = (choices: readonly { name: string; scheme: string }[]) =>
  Object.fromEntries(choices.map(({ name, scheme }) => [name, scheme]));

describe('by rule', () => {
  test('mixed is int4 where every word has a row or a column, and int8 in the recurrent layer', () => {
    expect(schemes(chooseByRule(graph, 'mixed', 'wasm'))).toEqual({
      'embedding.embeddings': 'int4',
      'lstm.0.kernel': 'int8',
      'lstm.0.recurrent_kernel': 'int8',
      'output.kernel': 'int4',
    });
  });

  test('int8 for WebGPU is in blocks, for which it has kernels', () => {
    for (const { scheme } of chooseByRule(graph, 'int8', 'webgpu')) expect(scheme).toBe('int8-blocks');
  });
});

describe.each([
  ["Unroll's decoder", 'wasm', {}],
  ['onnxruntime-node', 'node', { ort }],
] as const)('measured on %s', (_, target, runtime) => {
  test.each([
    ['untied', graph],
    ['tied', tied],
  ])('every product of a model with %s weights is tried in three schemes, and one is chosen', async (_, model) => {
    const done: number[] = [];
    const choices = await chooseByMeasurement(model, target, runtime, (count) => done.push(count));
    const matrices = weightMatrices(model);
    expect(choices.map(({ name }) => name)).toEqual(matrices.map(({ name }) => name));
    expect(done).toEqual(matrices.map((_, i) => i + 1));
    for (const [i, { scheme, microseconds }] of choices.entries()) {
      if (matrices[i]!.use === 'lookup') expect(scheme).toBe('int8');
      else expect(Object.keys(microseconds!)).toEqual(['int8', 'float32', 'int4']);
    }
  });
});
