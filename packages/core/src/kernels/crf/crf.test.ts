import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { viterbi } from '../../decoding/viterbi.js';
import { backends } from '../../testing/backends.js';
import { makeGolden, torchMissing } from '../../testing/golden.js';
import { type CrfCase, crfScores, readCrfCases } from '../../testing/golden-crf.js';
import { expectClose } from '../../testing/textbook.js';
import { crfLoss } from './loss.js';
import { allPaths, naiveCrfLoss, pathScore } from './naive.js';

type Batch = Omit<CrfCase, 'losses' | 'gradients'>;

async function evaluated(evaluate: (typeof backends)[string], batch: Batch) {
  const { shape, lengths, tags, weights, emissions, transitions, start, stop } = batch;
  const [time, size, count] = shape;
  const { outputs, gradients } = await evaluate({
    fn: (inputs) => [crfLoss(inputs as unknown as Parameters<typeof crfLoss>[0])],
    inputs: {
      emissions: { shape, values: emissions },
      tags: { shape: [time, size], values: tags.flat(), dtype: 'int32' },
      lengths: { shape: [size], values: lengths, dtype: 'int32' },
      transitions: { shape: [count, count], values: transitions },
      start: { shape: [count], values: start },
      stop: { shape: [count], values: stop },
    },
    parameters: crfScores,
    weights: [weights],
  });
  return { losses: outputs[0]!, gradients };
}

const spread = (count: number, range: number) =>
  Array.from({ length: count }, (_, k) => range * Math.sin(12.9898 * (k + 1)));
const rowsOf = (values: readonly number[], width: number) =>
  Array.from({ length: values.length / width }, (_, k) => values.slice(k * width, (k + 1) * width));

/** A batch with scores in ±range. */
function batchOf(shape: CrfCase['shape'], lengths: readonly number[], range: number): Batch {
  const [time, size, count] = shape;
  return {
    ...{ shape, lengths },
    tags: Array.from({ length: time }, (_, t) => Array.from({ length: size }, (_, b) => (5 * t + 3 * b) % count)),
    weights: lengths.map(() => 1),
    emissions: spread(time * size * count, range),
    transitions: spread(count * count, range).reverse(),
    start: spread(count, range / 2),
    stop: spread(count, -range / 3),
  };
}

/** One sequence of a batch as the textbook loss takes it, with its tags. */
function sequenceOf({ shape, lengths, tags, emissions, transitions, start, stop }: Batch, b: number) {
  const [, size, count] = shape;
  const steps = [...Array(lengths[b]!).keys()];
  const rows = rowsOf(emissions, count);
  const crf = {
    emissions: steps.map((t) => rows[t * size + b]!),
    transitions: rowsOf(transitions, count),
    start,
    stop,
  };
  return { crf, path: steps.map((t) => tags[t]![b]!) };
}

describe.each(Object.entries(backends))('CrfLoss on %s', (_, evaluate) => {
  test.each(readCrfCases().map((golden) => [`${golden.shape}`, golden] as const))(
    'over [time, batch, tags] = %s equals PyTorch’s over all paths, and so do its gradients',
    async (_, golden) => {
      const { losses, gradients } = await evaluated(evaluate, golden);
      expectClose(losses, golden.losses, 1e-5);
      for (const name of crfScores) expectClose(gradients[name]!, golden.gradients[name], 1e-5);
    },
  );

  test('equals the textbook sum over all paths for each sequence alone; an empty one has none, and no gradient', async () => {
    const batch = batchOf([5, 3, 4], [5, 0, 2], 3);
    const { losses, gradients } = await evaluated(evaluate, batch);
    const expected = [0, 2].map((b) => {
      const { crf, path } = sequenceOf(batch, b);
      return naiveCrfLoss(crf, path);
    });
    expectClose(losses, [expected[0]!, 0, expected[1]!], 1e-5);
    const ofEmpty = rowsOf(gradients.emissions!, 4).filter((_, row) => row % 3 === 1);
    expect(ofEmpty.flat().every((value) => value === 0)).toBe(true);
  });

  test('keeps its precision over long sequences of great scores', async () => {
    const batch = batchOf([60, 1, 3], [60], 40);
    const { losses, gradients } = await evaluated(evaluate, batch);
    const { crf, path } = sequenceOf(batch, 0);
    expect(losses[0]! / lossByForwardAlgorithm(crf, path)).toBeCloseTo(1, 6);
    // Probabilities less ones and zeros: each step's differences add up to nothing.
    for (const row of rowsOf(gradients.emissions!, 3)) expect(row.reduce((a, b) => a + b)).toBeCloseTo(0, 5);
  });
});

/** Computes the loss by the forward algorithm in float64. */
function lossByForwardAlgorithm(crf: Parameters<typeof pathScore>[0], path: readonly number[]): number {
  const logSum = (terms: readonly number[]) => {
    const largest = Math.max(...terms);
    return largest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - largest), 0));
  };
  const { emissions, transitions, start, stop } = crf;
  const ends = emissions.slice(1).reduce(
    (before, scores) =>
      scores.map((score, to) => score + logSum(before.map((value, from) => value + transitions[from]![to]!))),
    emissions[0]!.map((score, tag) => score + start[tag]!),
  );
  return logSum(ends.map((value, tag) => value + stop[tag]!)) - pathScore(crf, path);
}

test('the gradients of CrfLoss are those of finite differences', async () => {
  const batch = batchOf([4, 2, 3], [4, 3], 1.5);
  const weighted = { ...batch, weights: [0.7, -1.3] };
  const { gradients } = await evaluated(backends['TensorFlow.js cpu']!, weighted);
  const total = (changed: Batch) =>
    changed.weights.reduce((sum, weight, b) => {
      const { crf, path } = sequenceOf(changed, b);
      return sum + weight * naiveCrfLoss(crf, path);
    }, 0);
  for (const name of crfScores) {
    const differences = weighted[name].map((_, k) => {
      const moved = (by: number) =>
        total({ ...weighted, [name]: weighted[name].map((v, j) => (j === k ? v + by : v)) });
      return (moved(1e-5) - moved(-1e-5)) / 2e-5;
    });
    expectClose(gradients[name]!, differences, 1e-5);
  }
});

describe('Viterbi decoding', () => {
  test.each([
    [1, 4],
    [2, 3],
    [5, 3],
    [6, 4],
  ])('of %i steps and %i tags finds the best of all paths', (time, count) => {
    for (const range of [0.5, 3]) {
      const { crf } = sequenceOf(batchOf([time, 1, count], [time], range), 0);
      const paths = allPaths(time, count);
      const scores = paths.map((path) => pathScore(crf, path));
      const { transitions, start, stop } = crf;
      const given = {
        transitions: Float32Array.from(transitions.flat()),
        start: Float32Array.from(start),
        stop: Float32Array.from(stop),
      };
      const best = viterbi(Float32Array.from(crf.emissions.flat()), given);
      expect(best).toEqual(paths[scores.indexOf(Math.max(...scores))]);
    }
  });

  test('follows the transitions where the best tag of each step alone would not', () => {
    // O, B, I: nothing but B or I may precede I.
    const transitions = Float32Array.of(0, 0, -50, 0, 0, 0, 0, 0, 0);
    const scores = { transitions, start: Float32Array.of(0, 0, -50), stop: new Float32Array(3) };
    const emissions = Float32Array.of(1, 0.9, 0, 0, 0, 2, 0, 0, 3);
    expect(viterbi(emissions, scores)).toEqual([1, 2, 2]);
  });

  test('of nothing is nothing', () => {
    expect(
      viterbi(new Float32Array(), {
        transitions: new Float32Array(4),
        start: new Float32Array(2),
        stop: new Float32Array(2),
      }),
    ).toEqual([]);
  });
});

test.skipIf(torchMissing)(`PyTorch makes the golden vectors of CrfLoss again (${torchMissing ?? 'it is here'})`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'unroll-golden-'));
  try {
    makeGolden(folder, 'make_crf.py');
    for (const [k, { losses, gradients }] of readCrfCases(folder).entries()) {
      expectClose(losses, readCrfCases()[k]!.losses, 1e-6);
      for (const name of crfScores) expectClose(gradients[name], readCrfCases()[k]!.gradients[name], 1e-6);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
