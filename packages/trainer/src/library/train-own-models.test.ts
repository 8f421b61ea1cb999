// TensorFlow.js models of users: trained alone and by two workers, beside `fit` on the cpu backend.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { loadApplication } from '@unroll/edge-runtime';
import { startParameterServer } from '@unroll/param-server/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { taskOfModule } from '../own-models/load-module.js';
import type { ModelTraining } from '../own-models/own-task.js';
import type { TaskEvaluation } from '../tasks/evaluate-task.js';
import { temporaryFolder } from '../testing/unroll-process.js';
import type { WorkerRole } from '../training/learners/open-learner.js';
import type { RunEvent } from '../training/run.js';
import { version } from '../version.js';
import { evaluate } from './evaluate.js';
import { exportBundle } from './export-bundle.js';
import { type TrainOptions, train } from './train.js';

const root = temporaryFolder();
afterAll(() => root[Symbol.dispose]());
beforeAll(async () => {
  await tf.setBackend('cpu');
});

let runs = 0;

async function trained(training: ModelTraining, options: Partial<TrainOptions> = {}): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  const out = join(root.path, `run-${runs++}`);
  for await (const event of train(training, { out, threads: 1, ...options })) events.push(event);
  return events;
}

const weights = ({ model }: ModelTraining) =>
  (model as tf.LayersModel).getWeights().flatMap((weight) => [...weight.dataSync()]);

async function imported(name: string): Promise<() => ModelTraining> {
  const module = new URL(`../../../../examples/train-on-a-cluster/${name}.mjs`, import.meta.url);
  return ((await import(module.href)) as { default: () => ModelTraining }).default;
}

describe.each(['images', 'waves'])('the example of %s', (name) => {
  test('trained alone or by two workers has the weights that fit gives it, to 1e-4', async () => {
    const make = await imported(name);
    const fitted = make();
    const model = fitted.model as tf.LayersModel;
    model.compile({ loss: fitted.loss as string, optimizer: tf.train.sgd(fitted.learningRate!) });
    const { xs, ys } = fitted.train as { xs: tf.Tensor; ys: tf.Tensor };
    await model.fit(xs, ys, { epochs: 4, batchSize: 16, shuffle: false, verbose: 0 });

    const alone = make();
    const events = await trained(alone);
    expect(events.filter(({ type }) => type === 'epoch')).toHaveLength(4);
    const server = await startParameterServer({ port: 0, shard: 0, shards: 1, workers: 2, version });
    const role = (worker: number): WorkerRole => ({
      serverAddresses: [`127.0.0.1:${server.port}`],
      worker,
      workers: 2,
    });
    const [first, second] = [make(), make()];
    await Promise.all([trained(first, { role: role(0) }), trained(second, { role: role(1) })]);
    await server.done;
    for (const training of [alone, first]) {
      const found = weights(training);
      for (const [k, value] of weights(fitted).entries()) expect(Math.abs(found[k]! - value)).toBeLessThan(1e-4);
    }
  });
});

const xs = tf.tensor2d([...Array(20).keys()], [10, 2]);
const ys = tf.tensor2d([...Array(10).keys()], [10, 1]);
const dense = () => tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] });
test('a trained model is evaluated and exported, and the bundle predicts what the model does', async () => {
  const test = { xs: xs.slice([0, 0], [3, 2]), ys: ys.slice([0, 0], [3, 1]) };
  const training = { ...small, model: dense(), name: 'line', test };
  const out = join(root.path, 'own');
  await trained(training, { out });
  const { metrics, examples } = (await evaluate({ checkpoint: out, training })) as TaskEvaluation;
  const loss = tf.losses.meanSquaredError(test.ys, training.model.predict(test.xs) as tf.Tensor);
  expect(examples).toBe(3);
  expect(metrics.loss).toBeCloseTo(loss.dataSync()[0]!, 4);

  const bundle = join(root.path, 'own-bundle');
  await exportBundle({ checkpoint: out, training, out: bundle });
  const application = await loadApplication(bundle, 'line');
  expect(application.config.inputs).toEqual({ 'xs.0': [1, 2] });
  const { 'predictions.0': found } = await application.run('predict', { 'xs.0': Float32Array.of(4, 5) });
  const expected = (training.model.predict(tf.tensor2d([[4, 5]])) as tf.Tensor).dataSync();
  expect(found![0]).toBeCloseTo(expected[0]!, 4);
  await application.dispose();

  await expect(exportBundle({ checkpoint: out, out: bundle })).rejects.toThrow(
    "own: is a checkpoint of 'line', which is no application; give the module that it was trained from",
  );
  await expect(evaluate({ checkpoint: out, training: { ...training, name: 'other' } })).rejects.toThrow(
    "not of 'other'",
  );
  await expect(evaluate({ checkpoint: out, training, data: 'grammar' })).rejects.toThrow('data: a model of yours');
  await expect(evaluate({ checkpoint: out, training, module: 'x.mjs' })).rejects.toThrow('leave one of them out');
});

const column = tf.variable(tf.ones([2, 1]));
const steps = tf.variable(tf.ones([1]), false, 'steps');
const counted = () => {
  steps.assign(tf.add(steps, 1));
  return steps;
};
const small = { loss: 'meanSquaredError', train: { xs, ys }, batchSize: 4, epochs: 2, learningRate: 0.01 } as const;

test('a function with named variables trains; dropout is drawn anew at each step, and a resumed run has the same bits', async () => {
  const make = (): ModelTraining => {
    const kernel = tf.variable(tf.ones([2, 1]));
    const model = (x: tf.Tensor | tf.Tensor[], { training }: { readonly training: boolean }) =>
      tf.matMul(training ? tf.dropout(x as tf.Tensor, 0.5) : (x as tf.Tensor), kernel) as tf.Tensor;
    return { ...small, model, variables: { kernel } };
  };
  const kernelOf = ({ variables }: ModelTraining) => [...variables!.kernel!.dataSync()];
  const whole = make();
  await trained(whole, { out: join(root.path, 'whole') });
  const out = join(root.path, 'parts');
  const half = { ...make(), epochs: 1 };
  await trained(half, { out });
  const rest = make();
  await trained({ ...rest }, { out, resume: true });
  expect(kernelOf(rest)).not.toEqual([1, 1]);
  expect(kernelOf(half)).not.toEqual(kernelOf(rest));
  const again = make();
  await trained(again);
  expect(kernelOf(again)).toEqual(kernelOf(whole));
  expect(kernelOf(rest)).toEqual(kernelOf(whole));
});

test.each<[string, Partial<ModelTraining>, string]>([
  ['a function without named variables', { model: (x) => x }, 'needs `variables`'],
  [
    'batch normalization where the last batch is smaller',
    {
      model: tf.sequential({
        layers: [tf.layers.batchNormalization({ inputShape: [2] }), tf.layers.dense({ units: 1 })],
      }),
    },
    '10 examples are no multiple of batchSize 4; choose another batchSize',
  ],
  [
    'a function that changes what has no name',
    { model: (x) => tf.mul(tf.matMul(x as tf.Tensor, column), counted()), variables: { column } },
    "the model changes 'steps' while it trains; make it a variable that is not trainable",
  ],
  [
    'unequal numbers of examples',
    { train: { xs, ys: ys.slice([0, 0], [9, 1]) } },
    'train: its tensors have 10 and 9 examples',
  ],
  [
    'a loss of the whole batch',
    { loss: (a, b) => tf.losses.meanSquaredError(a, b) },
    '10 examples are no multiple of batchSize 4',
  ],
  [
    'inputs that the model does not take',
    { train: { xs: tf.ones([10, 3]), ys } },
    'the model cannot be trained: Input 0 is incompatible',
  ],
  ['labels that would be broadcast', { train: { xs, ys: tf.ones([10, 2]) } }, "do not fit the model's output"],
  [
    'a gradient whose norm is not finite',
    { loss: (a, b) => tf.mul(tf.squaredDifference(a, b), 1e25) },
    'norm is not a finite number at step 1',
  ],
  ['a batch of nothing', { batchSize: 0 }, 'batchSize: Too small'],
  ['a setting that there is not', { learningRte: 1 } as object, 'learningRte: is not a known setting; leave it out'],
  ['an optimizer that there is not', { optimizer: 'adm' as 'adam' }, "optimizer: 'adm' is no update rule; choose sgd"],
  ['texts', { train: { xs: tf.tensor1d(['a']), ys: tf.tensor1d([1]) } }, 'dtype string'],
])('%s: a line says what is wrong', async (_, wrong, message) => {
  await expect(trained({ model: dense(), ...small, ...wrong })).rejects.toThrow(message);
});

test('a module without what is needed is named', async () => {
  const file = (name: string, text: string) => {
    const path = join(root.path, name);
    writeFileSync(path, text);
    return path;
  };
  await expect(taskOfModule(join(root.path, 'absent.mjs'))).rejects.toThrow('absent.mjs: no such file');
  const refusals = [
    [file('broken.mjs', 'export default {{;'), 'broken.mjs: cannot be loaded: '],
    [file('failing.mjs', "export default () => { throw new Error('boom'); };"), 'that it exports failed: boom'],
    [file('nothing.mjs', 'export const x = 1;'), 'has no default export'],
    [file('part.mjs', 'export default { model: {} };'), "has no 'loss'"],
  ] as const;
  for (const [path, message] of refusals) await expect(taskOfModule(path)).rejects.toThrow(message);
});
