import { expect, test } from 'vitest';
import { initialParameters } from './initial-parameters.js';
import { languageModelConfig, parameterShapes } from './language-model-config.js';

const config = languageModelConfig({ vocabSize: 50, embeddingDim: 8, hiddenDim: 16, cell: 'gru', layers: 2 });

test('every parameter has as many values as its shape, within 1/√hiddenDim of zero', () => {
  const parameters = initialParameters(config, { seed: 7 });
  for (const [name, shape] of Object.entries(parameterShapes(config))) {
    expect(parameters[name]).toHaveLength(shape.reduce((a, b) => a * b, 1));
    expect(Math.max(...parameters[name]!.map(Math.abs))).toBeLessThanOrEqual(0.25);
  }
});

test('values are spread uniformly over the given range', () => {
  const values = initialParameters(config, { seed: 7, range: 0.1 })['gru.1.kernel']!;
  const mean = (numbers: Float32Array) => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  expect(Math.abs(mean(values))).toBeLessThan(0.01);
  expect(mean(values.map((value) => value * value))).toBeCloseTo(0.1 ** 2 / 3, 3);
});

test('the same seed gives the same values, another seed or name others', () => {
  const parameters = initialParameters(config, { seed: 7 });
  expect(initialParameters(config, { seed: 7 })).toEqual(parameters);
  for (const seed of [8, 7 + 2 ** 32]) {
    expect(initialParameters(config, { seed })['gru.0.kernel']).not.toEqual(parameters['gru.0.kernel']);
  }
  expect(parameters['gru.0.recurrent_kernel']).not.toEqual(parameters['gru.1.recurrent_kernel']);
});

test('a parameter starts with the same values in models that differ elsewhere', () => {
  const deeper = initialParameters({ ...config, layers: 3 }, { seed: 7 });
  for (const [name, values] of Object.entries(initialParameters(config, { seed: 7 }))) {
    expect(deeper[name]).toEqual(values);
  }
});

test('a seed that is not an integer from 0 to 2^53 - 1 is refused', () => {
  expect(() => initialParameters(config, { seed: -1 })).toThrow('seed -1: must be an integer from 0 to 2^53 - 1');
  expect(() => initialParameters(config, { seed: 0.5 })).toThrow('seed 0.5: must be an integer');
});
