// Generation and beam search over a small Markov chain, all of whose continuations can be listed.

import { describe, expect, test } from 'vitest';
import { type BeamSearchOptions, beamSearch, type GenerationOptions, generateTokens, seededRandom } from './index.js';

const END = 0;
const VOCABULARY = 4;
/** P(next | previous two tokens), from a seed; the state is the previous token. */
const TABLE = (() => {
  const random = seededRandom(5);
  return Array.from({ length: VOCABULARY ** 2 }, () => Float32Array.from({ length: VOCABULARY }, () => 3 * random()));
})();

async function step(previous: number, token: number) {
  return { logits: TABLE[previous * VOCABULARY + token]!, state: token };
}

const MODEL = { step, state: END, prompt: [END] };

async function collect(options: Partial<GenerationOptions<number>> = {}): Promise<number[]> {
  const ids: number[] = [];
  for await (const id of generateTokens({ ...MODEL, maxTokens: 30, random: seededRandom(1), ...options })) ids.push(id);
  return ids;
}

function logProbability(tokens: readonly number[]): number {
  const all = [END, END, ...tokens];
  return tokens.reduce((sum, token, i) => {
    const logits = TABLE[all[i]! * VOCABULARY + all[i + 1]!]!;
    const total = logits.reduce((a, b) => a + Math.exp(b), 0);
    return sum + logits[token]! - Math.log(total);
  }, 0);
}

describe('generateTokens', () => {
  test('writes the same text from the same seed, and another text from another seed', async () => {
    expect(await collect()).toEqual(await collect());
    expect(await collect({ random: seededRandom(2) })).not.toEqual(await collect());
  });

  test('writes at most maxTokens tokens, and fewer if a stop token comes', async () => {
    expect(await collect({ maxTokens: 7 })).toHaveLength(7);
    const all = await collect();
    expect(await collect({ stop: [END] })).toEqual(all.slice(0, all.indexOf(END)));
  });

  test('reads the whole prompt before it writes', async () => {
    const read: number[] = [];
    const reading = async (state: number, token: number) => {
      read.push(token);
      return step(state, token);
    };
    await collect({ step: reading, prompt: [1, 2, 3], maxTokens: 1 });
    expect(read).toEqual([1, 2, 3]);
  });

  test('at temperature 0 takes the most probable token at every step', async () => {
    const ids = await collect({ temperature: 0, maxTokens: 5 });
    ids.forEach((id, i) => {
      const ranked = [0, 1, 2, 3].toSorted(
        (a, b) => logProbability([...ids.slice(0, i), b]) - logProbability([...ids.slice(0, i), a]),
      );
      expect(id).toBe(ranked[0]);
    });
  });

  test('stops with the reason of the signal, before the next step', async () => {
    const controller = new AbortController();
    const written: number[] = [];
    const run = async () => {
      for await (const id of generateTokens({
        ...MODEL,
        maxTokens: 30,
        random: seededRandom(1),
        signal: controller.signal,
      })) {
        written.push(id);
        if (written.length === 3) controller.abort(new Error('enough'));
      }
    };
    await expect(run()).rejects.toThrow('enough');
    expect(written).toHaveLength(3);
  });

  test.each([
    [{ maxTokens: 0 }, 'maxTokens 0: must be an integer of at least 1'],
    [{ prompt: [] }, 'prompt: is empty; start from the end-of-line id'],
    [{ topP: 2 }, 'topP 2: must be above 0 and at most 1'],
  ])('refuses %o', async (options, message) => {
    await expect(collect(options)).rejects.toThrow(message);
  });
});

describe('beamSearch', () => {
  const maxTokens = 4;

  /** Every continuation of at most `maxTokens` tokens: ended by END, or cut off. */
  function everyContinuation(prefix: readonly number[] = []): number[][] {
    return [0, 1, 2, 3].flatMap((token) => {
      const tokens = [...prefix, token];
      return token === END || tokens.length === maxTokens ? [tokens] : everyContinuation(tokens);
    });
  }

  test.each([0, 0.6, 2])(
    'finds the best of all continuations with a beam as wide as the tree, α = %d',
    async (lengthPenalty) => {
      const found = await beamSearch({ ...MODEL, beamWidth: 256, maxTokens, stop: [END], lengthPenalty });
      const expected = everyContinuation()
        .map((tokens) => ({ tokens, score: logProbability(tokens) / ((5 + tokens.length) / 6) ** lengthPenalty }))
        .toSorted((a, b) => b.score - a.score);
      expect(found).toHaveLength(expected.length);
      found.forEach((hypothesis, place) => {
        expect(hypothesis.score).toBeCloseTo(expected[place]!.score, 5);
        expect(logProbability(hypothesis.finished ? [...hypothesis.tokens, END] : hypothesis.tokens)).toBeCloseTo(
          hypothesis.logProbability,
          5,
        );
      });
      const total = found.reduce((sum, hypothesis) => sum + Math.exp(hypothesis.logProbability), 0);
      expect(total).toBeCloseTo(1, 5);
    },
  );

  test('is greedy with a beam of one and no stop token', async () => {
    const [only] = await beamSearch({ ...MODEL, beamWidth: 1, maxTokens: 6 });
    expect(only?.tokens).toEqual(await collect({ temperature: 0, maxTokens: 6 }));
    expect(only?.finished).toBe(false);
  });

  test('a wider beam never finds a worse best continuation on this model', async () => {
    const best = async (beamWidth: number) => (await beamSearch({ ...MODEL, beamWidth, maxTokens: 6 }))[0]!.score;
    const scores = [await best(1), await best(4), await best(64)];
    expect(scores).toEqual(scores.toSorted((a, b) => a - b));
  });

  test('does not run the model over prefixes that can no longer win', async () => {
    let steps = 0;
    const certain = async () => {
      steps++;
      return { logits: Float32Array.of(10, 0, 0, 0), state: END };
    };
    const found = await beamSearch({ ...MODEL, step: certain, beamWidth: 1, maxTokens: 50, stop: [END] });
    expect(found).toMatchObject([{ tokens: [], finished: true }]);
    expect(steps).toBe(1);
  });

  test.each<[Partial<BeamSearchOptions<number>>, string]>([
    [{ beamWidth: 0 }, 'beamWidth 0: must be an integer of at least 1'],
    [{ maxTokens: 1.5 }, 'maxTokens 1.5: must be an integer of at least 1'],
    [{ lengthPenalty: -1 }, 'lengthPenalty -1: must be a number of at least 0'],
    [{ signal: AbortSignal.abort(new Error('not now')) }, 'not now'],
  ])('refuses %o', async (options, message) => {
    await expect(beamSearch({ ...MODEL, beamWidth: 2, maxTokens: 2, ...options })).rejects.toThrow(message);
  });
});
