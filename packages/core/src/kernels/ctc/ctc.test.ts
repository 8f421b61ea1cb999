import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { ctcGreedyLabels } from '../../decoding/ctc-greedy.js';
import { ctcLogProbability } from '../../decoding/ctc-label-probability.js';
import { backends } from '../../testing/backends.js';
import { makeGolden, torchMissing } from '../../testing/golden.js';
import { readCtcCases, readLogMelCases } from '../../testing/golden-speech.js';
import { ctcLoss } from './loss.js';
import { naiveCtc } from './naive.js';

interface Sequences {
  readonly shape: readonly [time: number, batch: number, classes: number];
  readonly lengths: readonly number[];
  readonly labels: readonly (readonly number[])[];
  readonly logits: readonly number[];
  readonly weights: readonly number[];
}

type Evaluate = (typeof backends)[string];

async function evaluated(evaluate: Evaluate, { shape, lengths, labels, logits, weights }: Sequences) {
  const batch = shape[1];
  const longest = Math.max(...labels.map(({ length }) => length));
  const padded = labels.flatMap((row) => [...row, ...Array<number>(longest - row.length).fill(0)]);
  const { outputs, gradients } = await evaluate({
    fn: ({ logits, labels, logitLengths, labelLengths }) => [
      ctcLoss({
        logits: logits as tf.Tensor3D,
        labels: labels as tf.Tensor2D,
        logitLengths: logitLengths as tf.Tensor1D,
        labelLengths: labelLengths as tf.Tensor1D,
      }),
    ],
    inputs: {
      logits: { shape, values: logits },
      labels: { shape: [batch, longest], values: padded, dtype: 'int32' },
      logitLengths: { shape: [batch], values: lengths, dtype: 'int32' },
      labelLengths: { shape: [batch], values: labels.map(({ length }) => length), dtype: 'int32' },
    },
    parameters: ['logits'],
    weights: [weights],
  });
  return { losses: outputs[0]!, gradient: gradients.logits! };
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  const furthest = Math.max(...expected.map((value, k) => Math.abs(value - actual[k]!)));
  expect(furthest).toBeLessThan(2e-5);
}

const spread = (count: number) => Array.from({ length: count }, (_, k) => 3 * Math.sin(12.9898 * (k + 1)));

describe.each(Object.entries(backends))('CtcLoss on %s', (_, evaluate) => {
  test.each(readCtcCases().map((golden) => [`${golden.shape}`, golden] as const))(
    'over [time, batch, classes] = %s equals PyTorch’s, and so does its gradient; a label that does not fit counts nothing',
    async (_, golden) => {
      const { losses, gradient } = await evaluated(evaluate, golden);
      expectClose(losses, golden.losses);
      expectClose(gradient, golden.gradient);
    },
  );

  test('equals the textbook loop for each sequence alone', async () => {
    const [time, batch, classes] = [12, 3, 6] as const;
    const logits = spread(time * batch * classes);
    const labels = [[5, 5, 1], [2], [3, 4, 3, 4]];
    const lengths = [12, 4, 9];
    const { losses, gradient } = await evaluated(evaluate, {
      shape: [time, batch, classes],
      ...{ lengths, labels, logits, weights: [1, 1, 1] },
    });
    const row = (values: readonly number[], t: number, b: number) =>
      values.slice((t * batch + b) * classes, (t * batch + b + 1) * classes);
    for (const [b, label] of labels.entries()) {
      const steps = [...Array(lengths[b]!).keys()];
      const expected = naiveCtc(
        steps.map((t) => row(logits, t, b)),
        label,
      );
      expectClose([losses[b]!], [expected.loss]);
      for (const t of steps) expectClose(row(gradient, t, b), expected.gradient[t]!);
    }
  });

  test('stays finite for an almost impossible label', async () => {
    const { losses, gradient } = await evaluated(evaluate, {
      shape: [3, 1, 2],
      lengths: [3],
      labels: [[1, 1]],
      logits: [500, -500, -500, 500, 500, -500],
      weights: [1],
    });
    expectClose([losses[0]! / 1000], [3]);
    expect(gradient.every(Number.isFinite)).toBe(true);
  });
});

describe('greedy decoding', () => {
  const logitsOf = (path: readonly number[]) => path.flatMap((best) => [0, 1, 2, 3].map((k) => Number(k === best)));

  test.each([
    [
      [0, 1, 1, 0, 1, 2, 2],
      [1, 1, 2],
    ],
    [[3, 3, 3], [3]],
    [[0, 0], []],
  ])('of the path %j merges repetitions and leaves blanks out: %j', (path, labels) => {
    expect(ctcGreedyLabels(logitsOf(path), 4, path.length)).toEqual(labels);
  });

  test('reads no step beyond the sequence', () => {
    expect(ctcGreedyLabels(logitsOf([1, 2, 3]), 4, 2)).toEqual([1, 2]);
  });
});

describe('the probability of a label', () => {
  const classes = 4;
  const steps = 6;
  const logits = Float32Array.from(spread(steps * classes));
  const rows = Array.from({ length: steps }, (_, t) => [...logits.slice(t * classes, (t + 1) * classes)]);

  test.each([[[1, 2, 2]], [[3]], [[]]])('%j is that of the textbook loop', (labels) => {
    expect(ctcLogProbability(logits, classes, steps, labels)).toBeCloseTo(-naiveCtc(rows, labels).loss, 4);
  });

  test('is zero if the sequence has too few steps for it', () => {
    expect(ctcLogProbability(logits, classes, 3, [2, 2])).toBeGreaterThan(-100);
    expect(ctcLogProbability(logits, classes, 2, [2, 2])).toBe(Number.NEGATIVE_INFINITY);
  });
});

test.skipIf(torchMissing)(`PyTorch makes the golden vectors of speech again (${torchMissing ?? 'it is here'})`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'unroll-golden-'));
  try {
    makeGolden(folder, 'make_speech.py');
    for (const [k, { losses, gradient }] of readCtcCases(folder).entries()) {
      expectClose(losses, readCtcCases()[k]!.losses);
      expectClose(gradient, readCtcCases()[k]!.gradient);
    }
    for (const [k, { features }] of readLogMelCases(folder).entries()) {
      expectClose(features, readLogMelCases()[k]!.features);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
