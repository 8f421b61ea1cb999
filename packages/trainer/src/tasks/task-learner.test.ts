import * as tf from '@tensorflow/tfjs-core';
import { defaultOptimizer } from '@unroll/core';
import { expect, test } from 'vitest';
import type { Engine } from '../engines/engine.js';
import { selectEngine } from '../engines/select.js';
import { epochBatches, paddedLength } from './length-buckets.js';
import { TaskLearner } from './task-learner.js';

const batchSize = 4;
const lengths = Array.from({ length: 90 }, (_, k) => 1 + ((k * 7) % 30));

/** The loss of one weight that learns the mean of a sequence's numbers. */
const loss = ({ batch, time }: Readonly<Record<string, number>>) => ({
  parameters: { weight: [1] },
  inputs: { x: { shape: [batch!, time!], dtype: 'float32' } } as const,
  loss: ({ weight }: Readonly<Record<string, tf.Tensor>>, { x }: Readonly<Record<string, tf.Tensor>>) =>
    tf.mean(tf.square(tf.sub(x!, weight!))) as tf.Scalar,
});

test('an epoch of mixed lengths compiles a program for each padded length, and each once', async () => {
  const engine = await selectEngine('onnxruntime', 1);
  const compiled: number[] = [];
  const counting: Engine = {
    ...engine,
    compile: (program, residents) => {
      compiled.push(program.inputs.x!.shape[1]!);
      return engine.compile(program, residents);
    },
  };
  const settings = { optimizer: defaultOptimizer('sgd'), clipNorm: 1 } as const;
  await using learner = new TaskLearner(counting, { parameters: { weight: [1] }, loss }, settings, {
    parameters: { weight: new Float32Array(1) },
  });
  const timeOf = (batch: readonly number[]) => paddedLength(Math.max(...batch.map((index) => lengths[index]!)), 8);
  const batches = epochBatches(lengths, { batchSize, seed: 1, epoch: 0 });
  for (const [step, batch] of batches.entries()) {
    const time = timeOf(batch);
    const x = new Float32Array(batchSize * time).fill(1);
    await learner.step({ shape: { batch: batchSize, time }, inputs: { x }, examples: batch.length }, step, 0.1);
  }
  expect(batches.length).toBeGreaterThan(20);
  expect(compiled.toSorted((a, b) => a - b)).toEqual([8, 16, 24, 32]);
});
