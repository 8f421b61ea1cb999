import '@tensorflow/tfjs-backend-cpu';
import { expect, test } from 'vitest';
import { backends } from '../testing/backends.js';
import { expectClose, spread } from '../testing/textbook.js';
import { lossWithCache, neuralCacheProgram, noFollower } from './neural-cache.js';

const [size, width, time, vocab] = [3, 2, 4, 5];
/** Sizes of a text of three runs, the last one incomplete. */
const length = 2 * time + 2;
const features = Array.from({ length }, (_, t) => spread(width, t).map(Math.fround));
const tokens = Array.from({ length }, (_, t) => (t * t) % vocab); // 0 1 4 4 1 0 1 4 4 1

/** Equation 3 of Grave et al. (2017), token by token. */
function naiveProbabilities(theta: number): number[] {
  return tokens.map((token, t) => {
    let [same, all] = [0, 0];
    for (let i = Math.max(0, t - size); i < t; i++) {
      const likeness = Math.exp(theta * features[t]!.reduce((sum, value, k) => sum + value * features[i]![k]!, 0));
      all += likeness;
      if (tokens[i] === token) same += likeness;
    }
    return all === 0 ? 0 : same / all;
  });
}

/** A window in the form of the program's inputs, padded where the text ends. */
function windowAt(start: number) {
  const from = (t: number) => features[t] ?? Array<number>(width).fill(0);
  const follower = (t: number) => tokens[t] ?? noFollower;
  const positions = (first: number, count: number) => Array.from({ length: count }, (_, k) => first + k);
  return {
    features: { shape: [time, width], values: positions(start, time).flatMap(from) },
    followers: {
      ...{ shape: [size + time], dtype: 'int32' as const },
      values: positions(start - size, size + time).map(follower),
    },
  };
}

test.each(Object.entries(backends))(
  'on %s the cache’s probabilities equal the sums over its entries',
  async (_, evaluate) => {
    for (const theta of [0, 0.7]) {
      const { run } = neuralCacheProgram({ size, width, time }, theta);
      const probabilities: number[] = [];
      let cached = Array<number>(size * width).fill(0);
      for (let start = 0; start < length; start += time) {
        const { outputs } = await evaluate({
          fn: (inputs) => {
            const { cacheProbabilities, 'next.cachedFeatures': next } = run(inputs);
            return [cacheProbabilities!, next!];
          },
          inputs: { ...windowAt(start), cachedFeatures: { shape: [size, width], values: cached } },
          parameters: [],
          weights: [Array<number>(time).fill(1), Array<number>(size * width).fill(1)],
        });
        probabilities.push(...outputs[0]!);
        cached = outputs[1]!;
      }
      expectClose(probabilities.slice(0, length), naiveProbabilities(theta), 1e-6);
    }
  },
);

test('the mixture is (1 − λ)·p_model + λ·p_cache, however improbable the token', () => {
  expect(lossWithCache(2, 0.3, 0.1)).toBeCloseTo(-Math.log(0.9 * Math.exp(-2) + 0.1 * 0.3), 12);
  expect(lossWithCache(1000, 0, 0.5)).toBeCloseTo(1000 + Math.LN2, 9);
  expect(lossWithCache(1000, 0.5, 0.5)).toBeCloseTo(-Math.log(0.25), 12);
  expect(lossWithCache(3.25, 0.7, 0)).toBe(3.25);
});
