import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { backends, type Evaluated } from '../../testing/backends.js';
import { linearCrossEntropy } from '../output-layer/linear-cross-entropy.js';
import { logUniformCandidates } from './candidates.js';
import { sampledSoftmaxCrossEntropy } from './sampled-softmax.js';

const [rows, width, vocab] = [5, 3, 8] as const;
const spread = (count: number, phase = 0) =>
  Array.from({ length: count }, (_, k) => Math.fround(Math.sin(12.9898 * (k + 1) + phase)));
const targets = [6, 0, 3, 3, 1];
const differentiated = ['features', 'weights', 'bias'];

function inputsWith(candidates: readonly number[], logCount: (id: number) => number) {
  return {
    features: { shape: [rows, width], values: spread(rows * width) },
    weights: { shape: [vocab, width], values: spread(vocab * width, 1) },
    bias: { shape: [vocab], values: spread(vocab, 2) },
    targets: { shape: [rows], values: targets, dtype: 'int32' as const },
    candidates: { shape: [candidates.length], values: [...candidates], dtype: 'int32' as const },
    candidateLogCounts: { shape: [candidates.length], values: candidates.map(logCount) },
    targetLogCounts: { shape: [rows], values: targets.map(logCount) },
  };
}

const weights = [spread(rows, 3)];

function expectClose(actual: Evaluated, expected: { losses: number[]; gradients?: Evaluated['gradients'] }): void {
  const pairs = [[actual.outputs[0]!, expected.losses] as const];
  for (const [name, values] of Object.entries(expected.gradients ?? {})) pairs.push([actual.gradients[name]!, values]);
  for (const [got, wanted] of pairs) {
    expect(got).toHaveLength(wanted.length);
    wanted.forEach((value, k) => {
      expect(Math.abs(got[k]! - value)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)));
    });
  }
}

/** Jean et al. (2015), eq. 8 in the form of the frameworks, in float64. */
function naiveLosses(candidates: readonly number[], logCount: (id: number) => number): number[] {
  const { features, weights, bias } = inputsWith(candidates, logCount);
  const score = (row: number, id: number) =>
    Array.from({ length: width }, (_, k) => features.values[row * width + k]! * weights.values[id * width + k]!).reduce(
      (sum, product) => sum + product,
      bias.values[id]! - logCount(id),
    );
  return targets.map((target, row) => {
    const others = candidates.filter((id) => id !== target).map((id) => Math.exp(score(row, id)));
    return Math.log(others.reduce((sum, value) => sum + value, Math.exp(score(row, target)))) - score(row, target);
  });
}

describe.each(Object.entries(backends))('%s', (_, evaluate) => {
  const sampled = (candidates: readonly number[], logCount: (id: number) => number) =>
    evaluate({
      fn: (inputs) => [
        sampledSoftmaxCrossEntropy(inputs as unknown as Parameters<typeof sampledSoftmaxCrossEntropy>[0]),
      ],
      inputs: inputsWith(candidates, logCount),
      parameters: differentiated,
      weights,
    });

  test('a sample scores the target and the candidates that are not the target, less ln Q', async () => {
    const { ids, logExpectedCount } = logUniformCandidates({ vocabSize: vocab, samples: 4, seed: 5, step: 2 });
    expectClose(await sampled([...ids], logExpectedCount), { losses: naiveLosses([...ids], logExpectedCount) });
  });

  test('with the whole vocabulary as sample, losses and gradients are those of the full softmax', async () => {
    const all = Array.from({ length: vocab }, (_, id) => id);
    const whole = await evaluate({
      fn: ({ features, weights, bias, targets }) => [
        linearCrossEntropy(
          { features: features!, weights: weights!, bias: bias!, targets: targets as tf.Tensor1D },
          true,
        ),
      ],
      inputs: inputsWith(all, () => 0),
      parameters: differentiated,
      weights,
    });
    expectClose(await sampled(all, () => 0), { losses: whole.outputs[0]!, gradients: whole.gradients });
  });
});

describe('log-uniform candidates', () => {
  const options = { vocabSize: 800_000, samples: 500, seed: 7, step: 3 };

  test('are a function of seed and step, ascending, none twice', () => {
    const { ids } = logUniformCandidates(options);
    expect(ids).toEqual(logUniformCandidates(options).ids);
    expect(ids).not.toEqual(logUniformCandidates({ ...options, step: 4 }).ids);
    expect(ids).not.toEqual(logUniformCandidates({ ...options, seed: 8 }).ids);
    expect([...ids]).toEqual([...new Set(ids)].toSorted((a, b) => a - b));
    expect(ids).toHaveLength(500);
    expect(Math.min(...ids)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...ids)).toBeLessThan(800_000);
  });

  test('include a word as often as its expected count says', () => {
    const [vocabSize, samples, draws] = [1000, 20, 3000];
    const often = new Float64Array(vocabSize);
    const expected = new Float64Array(vocabSize);
    for (let step = 0; step < draws; step++) {
      const { ids, logExpectedCount } = logUniformCandidates({ vocabSize, samples, seed: 1, step });
      for (const id of ids) often[id]! += 1 / draws;
      for (const id of [0, 1, 5, 50, 500]) expected[id]! += Math.exp(logExpectedCount(id)) / draws;
    }
    for (const id of [0, 1, 5, 50, 500]) {
      const deviation = Math.sqrt((expected[id]! * (1 - expected[id]!)) / draws);
      expect(Math.abs(often[id]! - expected[id]!), `word ${id}`).toBeLessThan(4 * deviation + 1e-3);
    }
  });

  test('refuse more words than the vocabulary has, with both numbers', () => {
    expect(() => logUniformCandidates({ ...options, samples: 900_000 })).toThrow(
      '900000 different words were asked for of a vocabulary of 800000',
    );
  });

  test('include every word if all are asked for', () => {
    expect([...logUniformCandidates({ vocabSize: 5, samples: 5, seed: 0, step: 0 }).ids]).toEqual([0, 1, 2, 3, 4]);
  });
});
