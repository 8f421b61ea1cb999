import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { positionsOfTails, tailPositions, tailsOf } from '../../models/adaptive-softmax.js';
import type { NamedTensors } from '../../tensors/named-tensors.js';
import { backends } from '../../testing/backends.js';
import { makeGolden, torchMissing } from '../../testing/golden.js';
import type { Values } from '../../testing/onnx-runtime.js';
import {
  type AdaptiveLayer,
  adaptiveCrossEntropy,
  adaptiveCrossEntropyOfAll,
  adaptiveScores,
} from './adaptive-cross-entropy.js';

/** The values that `scripts/golden/make_adaptive.py` computed with PyTorch. */
interface Golden {
  readonly width: number;
  readonly words: number;
  readonly cutoffs: readonly number[];
  readonly targets: readonly number[];
  readonly features: readonly number[];
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  readonly scales: readonly number[];
  readonly losses: readonly number[];
  readonly logProbabilities: readonly number[];
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

const committed = fileURLToPath(new URL('../../testing/golden', import.meta.url));
const readGolden = (folder = committed): Golden =>
  JSON.parse(readFileSync(join(folder, 'adaptive-softmax.jsonl'), 'utf8'));
const golden = readGolden();
const { width, words, cutoffs, targets } = golden;
const rows = targets.length;
const tails = tailsOf(cutoffs, words, width);

function layerOf(inputs: NamedTensors): AdaptiveLayer {
  return {
    kernel: inputs['output.kernel'] as tf.Tensor2D,
    bias: inputs['output.bias'] as tf.Tensor1D,
    tails: tails.map(({ name, from }) => ({
      from,
      projection: inputs[`${name}.projection`] as tf.Tensor2D,
      kernel: inputs[`${name}.kernel`] as tf.Tensor2D,
    })),
  };
}

function inputsWith(capacity: number): Record<string, Values> {
  const columns: Record<string, number> = { 'output.kernel': cutoffs[0]! + cutoffs.length };
  for (const tail of tails) {
    columns[`${tail.name}.projection`] = tail.width;
    columns[`${tail.name}.kernel`] = tail.to - tail.from;
  }
  const parameters = Object.entries(golden.parameters).map(([name, values]): [string, Values] => {
    const [count, across] = [values.length, columns[name]];
    return [name, { shape: across === undefined ? [count] : [count / across, across], values }];
  });
  const positions = positionsOfTails(tails, Int32Array.from(targets));
  return {
    features: { shape: [rows, width], values: golden.features },
    targets: { shape: [rows], values: targets, dtype: 'int32' },
    ...Object.fromEntries(parameters),
    ...Object.fromEntries(
      tails.map((tail) => {
        const given = [...positions[tailPositions(tail)]!];
        const values = [...given, ...Array<number>(capacity - given.length).fill(-1)];
        return [tailPositions(tail), { shape: [capacity], values, dtype: 'int32' as const }];
      }),
    ),
  };
}

function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, k) => {
    expect(Math.abs(actual[k]! - value)).toBeLessThan(tolerance * Math.max(1, Math.abs(value)));
  });
}

describe.each(Object.entries(backends))('%s: an adaptive softmax', (_, evaluate) => {
  const learnt = (fn: (inputs: NamedTensors) => tf.Tensor[], capacity: number) =>
    evaluate({
      fn,
      inputs: inputsWith(capacity),
      parameters: Object.keys(golden.gradients),
      weights: [golden.scales],
    });
  const atPositions = (inputs: NamedTensors) => [
    adaptiveCrossEntropy(
      inputs.features as tf.Tensor2D,
      layerOf(inputs),
      tails.map((tail) => inputs[tailPositions(tail)] as tf.Tensor1D),
      inputs.targets as tf.Tensor1D,
    ),
  ];
  const ofAll = (inputs: NamedTensors) => [
    adaptiveCrossEntropyOfAll(inputs.features as tf.Tensor2D, layerOf(inputs), inputs.targets as tf.Tensor1D),
  ];

  test.each([
    ['at the positions of its tails', atPositions],
    ['over all words', ofAll],
  ])('has PyTorch’s losses and gradients %s', async (_, losses) => {
    const { outputs, gradients } = await learnt(losses, rows);
    expectClose(outputs[0]!, golden.losses, 1e-5);
    for (const [name, values] of Object.entries(golden.gradients)) expectClose(gradients[name]!, values, 1e-4);
  });

  test('gives the same bits whatever the capacity for positions, in multiples of 16', async () => {
    expect(await learnt(atPositions, 16)).toEqual(await learnt(atPositions, 80));
  });

  test('gives all words PyTorch’s probabilities, which add up to one', async () => {
    const { outputs } = await evaluate({
      fn: (inputs) => [tf.softmax(adaptiveScores(inputs.features as tf.Tensor2D, layerOf(inputs)))],
      inputs: inputsWith(rows),
      parameters: [],
      weights: [golden.logProbabilities],
    });
    expectClose(outputs[0]!, golden.logProbabilities.map(Math.exp), 1e-5);
    for (let row = 0; row < rows; row++) {
      const sum = outputs[0]!.slice(row * words, (row + 1) * words).reduce((a, b) => a + b);
      expect(sum).toBeCloseTo(1, 6);
    }
  });
});

test.skipIf(torchMissing)(
  `PyTorch makes the golden vectors of the adaptive softmax again (${torchMissing ?? 'it is here'})`,
  ({ onTestFinished }) => {
    const folder = mkdtempSync(join(tmpdir(), 'unroll-golden-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    makeGolden(folder, 'make_adaptive.py');
    const made = readGolden(folder);
    expect(made.features).toEqual(golden.features);
    expect(made.parameters).toEqual(golden.parameters);
    expectClose(made.losses, golden.losses, 1e-8);
    expectClose(made.logProbabilities, golden.logProbabilities, 1e-8);
    expect(Object.keys(made.gradients)).toEqual(Object.keys(golden.gradients));
    for (const [name, values] of Object.entries(made.gradients)) expectClose(values, golden.gradients[name]!, 1e-8);
  },
);
