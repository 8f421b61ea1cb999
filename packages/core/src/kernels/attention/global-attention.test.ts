import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { backends } from '../../testing/backends.js';
import { expectClose, finiteDifferences, type Naive, rows, spreadInputs } from '../../testing/textbook.js';
import { globalAttention } from './global-attention.js';
import { naiveAttention } from './naive.js';

const [batch, queries, positions, width, memory] = [2, 3, 4, 3, 5];
/** Number of unmasked positions in each row of the batch. */
const lengths = [4, 2];

const inputs = {
  ...spreadInputs({
    queries: [batch, queries, width],
    memory: [batch, positions, memory],
    kernel: [width, memory],
  }),
  mask: {
    shape: [batch, positions],
    values: lengths.flatMap((length) => Array.from({ length: positions }, (_, k) => Number(k < length))),
  },
};
const weights = [spreadInputs({ w: [batch * queries * memory] }).w!.values];

/** The contexts of every query of every row, computed by the textbook loop. */
const naive: Naive = (given) => {
  const queryRows = rows(given.queries!);
  const memoryRows = rows(given.memory!);
  const contexts = queryRows.map((query, k) => {
    const row = Math.floor(k / queries);
    const visible = memoryRows.slice(row * positions, row * positions + lengths[row]!);
    return naiveAttention(query, visible, rows(given.kernel!)).context;
  });
  return [contexts.flat()];
};

describe.each(Object.entries(backends))('global attention on %s', (_, evaluate) => {
  test('has the contexts and the gradients of the textbook loop, over rows of unequal lengths', async () => {
    const parameters = ['queries', 'memory', 'kernel'];
    const task = {
      fn: (given: Record<string, tf.Tensor>) => [globalAttention(given as never).contexts],
      ...{ inputs, parameters, weights },
    };
    const { outputs, gradients } = await evaluate(task);
    expectClose(outputs[0]!, naive(inputs)[0]!, 1e-5);
    const expected = finiteDifferences(naive, task);
    for (const name of parameters) expectClose(gradients[name]!, expected[name]!, 1e-4);
  });

  test('gives masked positions no weight at all', async () => {
    const task = {
      fn: (given: Record<string, tf.Tensor>) => [globalAttention(given as never).weights],
      ...{ inputs, parameters: [], weights: [new Array<number>(batch * queries * positions).fill(1)] },
    };
    const [given] = (await evaluate(task)).outputs;
    const masked = given!.filter((_, k) => k >= queries * positions && k % positions >= lengths[1]!);
    expect(masked).toEqual(new Array(masked.length).fill(0));
  });
});
