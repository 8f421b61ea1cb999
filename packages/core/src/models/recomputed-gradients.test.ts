import { describe, expect, test } from 'vitest';
import { elementCount } from '../tensors/shapes.js';
import { runGraph, type Values } from '../testing/onnx-runtime.js';
import { trace } from '../tracing/trace.js';
import { type LanguageModelConfig, languageModelConfig } from './language-model-config.js';
import { gradientProgram } from './language-model-programs.js';
import type { Program } from './program.js';

const shape = { batch: 2, time: 5 };
const sizes = { vocabSize: 11, embeddingDim: 4, hiddenDim: 4 };
const models: Record<string, LanguageModelConfig> = {
  'rnn, dropout': languageModelConfig({ ...sizes, cell: 'rnn', dropout: 0.5 }),
  'lstm, two layers, tied': languageModelConfig({ ...sizes, cell: 'lstm', layers: 2, tieWeights: true }),
  'gru, sampled softmax': languageModelConfig({ ...sizes, cell: 'gru', softmax: { name: 'sampled', samples: 3 } }),
  'cifg, dropout of AWD': languageModelConfig({
    ...{ ...sizes, cell: 'cifg', dropout: 0.5, variationalDropout: true, embeddingDropout: 0.2, weightDropout: 0.3 },
  }),
};

function sampleInputs({ inputs }: Program): Record<string, Values> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, dtype }], k) => {
      const values = Array.from({ length: elementCount(shape) }, (_, i) =>
        dtype === 'int32' ? (i * i + k) % sizes.vocabSize : Math.sin(12.9898 * (i + 1) + k),
      );
      return [name, { shape, values, dtype: dtype as 'int32' | 'float32' }];
    }),
  );
}

describe.each(Object.entries(models))('%s', (_, config) => {
  test.each([1, 2, 4])(
    'gradients are the same if the activations of only %i steps are stored',
    async (recomputeEvery) => {
      const whole = gradientProgram(config, shape);
      const inSegments = gradientProgram(config, { ...shape, recomputeEvery });
      const inputs = sampleInputs(whole);
      const expected = await runGraph(trace(whole.run, whole.inputs), inputs);
      const actual = await runGraph(trace(inSegments.run, inSegments.inputs), inputs);
      expect(Object.keys(actual).toSorted()).toEqual(Object.keys(expected).toSorted());
      for (const [name, values] of Object.entries(expected)) {
        const differences = values.map(
          (value, k) => Math.abs(value - actual[name]![k]!) / Math.max(1, Math.abs(value)),
        );
        expect(Math.max(...differences), name).toBeLessThan(2e-6);
      }
    },
  );
});
