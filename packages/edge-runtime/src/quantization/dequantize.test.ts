// Weights restored from their stored form are close to the originals, in every scheme.
import { initialParameters, languageModelConfig, languageModelStepGraph, parameterShapes } from '@unroll/core';
import { describe, expect, test } from 'vitest';
import { dequantizedParameters } from './dequantize.js';
import { type MatrixScheme, quantize } from './quantize.js';

const untied = languageModelConfig({ vocabSize: 300, embeddingDim: 96, hiddenDim: 64, cell: 'gru' });
const square = languageModelConfig({ vocabSize: 300, embeddingDim: 72, hiddenDim: 72, tieWeights: true });
const sampled = languageModelConfig({
  ...{ vocabSize: 96, embeddingDim: 64, hiddenDim: 96 },
  softmax: { name: 'sampled', samples: 16 },
});
const schemes: readonly [MatrixScheme, number][] = [
  ['float32', 0],
  ['int8', 1 / 250],
  ['int8-blocks', 1 / 250],
  ['int4', 1 / 6],
];

describe.each([
  ['untied', untied],
  ['tied, with blocks that end early', square],
  ['with a square table of the output', sampled],
])('the parameters of a bundle, %s', (_, config) => {
  test.each(schemes)('stored as %s equal the originals up to rounding', (scheme, largestError) => {
    const originals = initialParameters(config, { seed: 1, range: 1 });
    const shapes = new Map(Object.entries(parameterShapes(config)));
    const stored = quantize(languageModelStepGraph(config, originals), () => scheme);
    const values = dequantizedParameters(stored, shapes);
    for (const name of shapes.keys()) {
      const errors = values.get(name)!.map((value, i) => Math.abs(value - originals[name]![i]!));
      expect(Math.max(...errors)).toBeLessThanOrEqual(largestError);
    }
  });
});

test('a parameter that a graph lacks is named', () => {
  const graph = languageModelStepGraph(untied, initialParameters(untied, { seed: 1 }));
  expect(() => dequantizedParameters(graph, new Map([['lstm.9.kernel', [2, 2]]]))).toThrow(
    "no parameter 'lstm.9.kernel'",
  );
});
