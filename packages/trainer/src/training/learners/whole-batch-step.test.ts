// The steps of a process that trains alone, on batches of several shapes.
import * as tf from '@tensorflow/tfjs-core';
import { defaultOptimizer } from '@unroll/core';
import { type BatchDimensions, trainableLoss } from '@unroll/core/internal';
import { expect, test } from 'vitest';
import { type Engine, zeros } from '../../engines/engine.js';
import { selectEngine } from '../../engines/select.js';
import { exampleBatches } from '../../tasks/example-batches.js';
import { epochBatches, paddedLength } from '../../tasks/length-buckets.js';
import { withDefaults } from '../../tasks/settings.js';
import { createWholeBatchStep } from './whole-batch-step.js';

const batchSize = 4;
const lengths = Array.from({ length: 90 }, (_, k) => 1 + ((k * 7) % 30));
const order = epochBatches(lengths, { batchSize, seed: 1, epoch: 0 });

/** One weight that learns the mean of a sequence's numbers. */
const model = trainableLoss({ weight: [1] }, ({ batch, time }: BatchDimensions) => ({
  parameters: { weight: [1] },
  inputs: { x: { shape: [batch!, time!], dtype: 'float32' } } as const,
  loss: ({ weight }: Readonly<Record<string, tf.Tensor>>, { x }: Readonly<Record<string, tf.Tensor>>) =>
    tf.mean(tf.square(tf.sub(x!, weight!))) as tf.Scalar,
}));

const batchesOf = exampleBatches({
  batchesPerEpoch: order.length,
  isUniform: false,
  examplesAt: (index) => order[index]!.map((k) => lengths[k]!),
  shapeOf: (whole, batch) => ({ batch, time: paddedLength(Math.max(...whole), 8) }),
  inputsOf: (_, { batch, time }) => ({ x: new Float32Array(batch! * time!).fill(1) }),
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
  const training = withDefaults({
    ...{ model: {}, batchSize, optimizer: defaultOptimizer('sgd'), learningRate: 0.1, clipNorm: 1, epochs: 1 },
    schedule: { name: 'step', constantEpochs: 1, decay: 1 },
  });
  const [parameters, slots, recurrent] = [
    engine.allocate(zeros({ weight: [1] })),
    engine.allocate({}),
    engine.allocate({}),
  ];
  const options = { engine: counting, model, training, batchesOf };
  const step = await createWholeBatchStep(options, { parameters, slots, recurrent });
  for (const index of order.keys()) {
    await step.run(index, [{ learningRate: Float32Array.of(0.1), step: Float32Array.of(index + 1) }]);
  }
  expect(order.length).toBeGreaterThan(20);
  expect(compiled.toSorted((a, b) => a - b)).toEqual([8, 16, 24, 32]);
  expect((await parameters.read('weight'))[0]).toBeCloseTo(1, 1);
  await step.dispose();
});
