import { describe, expect, test } from 'vitest';
import { positionsOfTails } from './adaptive-softmax.js';
import { languageModelConfig, parameterShapes, softmaxTails } from './language-model-config.js';

const sizes = { vocabSize: 1000, embeddingDim: 32, hiddenDim: 64 };
const adaptive = (options: object, cutoffs?: readonly number[]) =>
  languageModelConfig({ ...sizes, ...options, softmax: { name: 'adaptive', cutoffs } });

describe('the adaptive softmax of a language model', () => {
  test('has, unless told otherwise, a shortlist of a fortieth of the words and tails from there and from a fifth', () => {
    expect(adaptive({}).softmax).toEqual({ name: 'adaptive', cutoffs: [25, 200] });
    expect(adaptive({ vocabSize: 800_000 }).softmax).toEqual({ name: 'adaptive', cutoffs: [10_000, 160_000] });
  });

  test('has a quarter of the width of the one before, for each tail', () => {
    const config = adaptive({ projectionDim: 48 }, [100, 400, 900]);
    const shapes = parameterShapes(config);
    expect(shapes['output.kernel']).toEqual([48, 103]);
    expect(shapes['output.bias']).toEqual([103]);
    expect(softmaxTails(config).map(({ name }) => [shapes[`${name}.projection`], shapes[`${name}.kernel`]])).toEqual([
      [
        [48, 12],
        [12, 300],
      ],
      [
        [48, 3],
        [3, 500],
      ],
      [
        [48, 1],
        [1, 100],
      ],
    ]);
  });

  test('finds the rows of each tail’s targets', () => {
    const targets = Int32Array.of(0, 999, 24, 25, 200, 199);
    expect(positionsOfTails(softmaxTails(adaptive({})), targets)).toEqual({
      'output.tail.0.positions': Int32Array.of(3, 5),
      'output.tail.1.positions': Int32Array.of(1, 4),
    });
  });

  test.each([
    ['that fall', [50, 20]],
    ['beyond the vocabulary', [50, 1000]],
    ['that leave no shortlist', [0, 50]],
    ['that are none', []],
    ['between words', [1.5]],
  ])('refuses cutoffs %s', (_, cutoffs) => {
    expect(() => adaptive({}, cutoffs)).toThrow(/^softmax\.cutoffs must be integers that ascend/);
  });

  test('refuses weights that the embedding shares, and smoothed labels', () => {
    expect(() => adaptive({ tieWeights: true, embeddingDim: 64 })).toThrow(/^tieWeights: the tails of an adaptive/);
    expect(() => adaptive({ labelSmoothing: 0.1 })).toThrow(/which an adaptive softmax does not have/);
  });
});
