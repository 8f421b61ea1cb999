// Models with batch normalization: their moving averages are trained, stored and restored like weights. It runs the built
// command: build first.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { startParameterServer } from '@unroll/param-server/server';
import { afterAll, expect, test } from 'vitest';
import { decodeSafetensors } from '../checkpoint/safetensors.js';
import { evaluate } from '../library/evaluate.js';
import { train } from '../library/train.js';
import type { TaskEvaluation } from '../tasks/evaluate-task.js';
import { canFindProcesses, launched, launchedAs } from '../testing/launched-processes.js';
import { startUnroll, temporaryFolder } from '../testing/unroll-process.js';
import { version } from '../version.js';
import type { ModelTraining } from './own-task.js';

const root = temporaryFolder();
const at = (name: string) => join(root.path, name);
afterAll(() => root[Symbol.dispose]());

// The module is given to processes and imported here, so that both train the same model.
const path = at('normalized.mjs');
writeFileSync(
  path,
  `import * as tf from ${JSON.stringify(import.meta.resolve('@tensorflow/tfjs'))};
  const images = Float32Array.from({ length: 32 * 36 }, (_, k) => Math.sin(k * k) + (Math.floor(k / 36) % 2) * (k % 6 < 3));
  const seeded = (seed) => tf.initializers.glorotUniform({ seed });
  export default () => ({
    name: 'normalized',
    model: tf.sequential({
      layers: [
        tf.layers.conv2d({ filters: 3, kernelSize: 3, inputShape: [6, 6, 1], kernelInitializer: seeded(1) }),
        tf.layers.batchNormalization({ momentum: 0.8 }),
        tf.layers.activation({ activation: 'relu' }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 2, activation: 'softmax', kernelInitializer: seeded(2) }),
      ],
    }),
    loss: 'categoricalCrossentropy',
    train: {
      xs: tf.tensor4d(images, [32, 6, 6, 1]),
      ys: tf.oneHot(tf.tensor1d(Array.from({ length: 32 }, (_, k) => k % 2), 'int32'), 2).toFloat(),
    },
    ...{ batchSize: 8, epochs: 4, optimizer: 'sgd', learningRate: 0.1, shuffle: false },
  });`,
);
const make = async () =>
  ((await import(pathToFileURL(path).href)) as { default: () => ModelTraining & { model: tf.LayersModel } }).default();
const weights = (model: tf.LayersModel) =>
  model.getWeights().flatMap((weight) => [...(weight.dataSync() as Float32Array)]);
const learnt = (out: string) =>
  ['model.safetensors', 'optimizer.safetensors'].map((file) => readFileSync(join(at(out), file)));

test('trained alone has the weights and moving averages that fit gives it, also after a pause', async () => {
  const fitted = await make();
  fitted.model.compile({ loss: fitted.loss as string, optimizer: tf.train.sgd(0.1) });
  const { xs, ys } = fitted.train as { xs: tf.Tensor; ys: tf.Tensor };
  await fitted.model.fit(xs, ys, { epochs: 4, batchSize: 8, shuffle: false, verbose: 0 });
  const [alone, half, rest] = [await make(), await make(), await make()];
  const run = async (training: ModelTraining, out: string, resume = false) => {
    const values: number[] = [];
    for await (const event of train(training, { out: at(out), threads: 1, resume }))
      if (event.type === 'validation') values.push(event.value);
    return values;
  };
  const values = await run({ ...alone, validation: { xs, ys } }, 'alone');
  await run({ ...half, epochs: 2, validation: { xs, ys } }, 'parts');
  await run({ ...rest, validation: { xs, ys } }, 'parts', true);
  expect(learnt('parts')).toEqual(learnt('alone'));
  // The checkpoint keeps the best epoch, which is the last one here.
  const expected = weights(fitted.model);
  for (const [k, value] of weights(alone.model).entries()) expect(value).toBeCloseTo(expected[k]!, 4);
  const stored = decodeSafetensors(learnt('alone')[0]!, 'alone');
  expect(stored['1.moving_mean']!.values).not.toEqual(new Float32Array(3));
  const { metrics } = (await evaluate({ checkpoint: at('alone'), training: alone })) as TaskEvaluation;
  expect(metrics.loss).toBeCloseTo(values.at(-1)!, 5);
});

test.skipIf(!canFindProcesses)('two workers end with the same bits if each process is killed', async () => {
  const server = await startParameterServer({ port: 0, shard: 0, shards: 1, workers: 2, version });
  const serverAddresses = [`127.0.0.1:${server.port}`];
  const work = async (worker: number) => {
    const options = { out: at('undisturbed'), threads: 1, role: { serverAddresses, worker, workers: 2 } };
    for await (const _ of train({ module: path, epochs: 20 }, options));
  };
  await Promise.all([work(0), work(1)]);
  await server.done;
  const { child, logged, outcome } = startUnroll(
    ...['train', '--module', path, '--out', at('killed'), '--workers', '2', '--servers', '1', '--snapshot-every', '5'],
    ...['--epochs', '20', '--threads', '1'],
  );
  const victims = [
    () => launchedAs(child, 'worker', 1),
    () => launchedAs(child, 'worker', 0),
    () => launched(child, 'param-server'),
  ];
  for (const [k, find] of victims.entries()) {
    await logged(new RegExp(`^epoch ${3 * (k + 1)}/`, 'm'));
    for (const pid of find()) process.kill(pid, 'SIGKILL');
  }
  const { status, stderr } = await outcome;
  expect(status).toBe(0);
  expect(stderr.match(/was killed by SIGKILL: starting it again/g)?.length).toBeGreaterThanOrEqual(3);
  expect(learnt('killed')).toEqual(learnt('undisturbed'));
  const [alone, pair] = ['alone', 'killed'].map((out) => decodeSafetensors(learnt(out)[0]!, out)['1.moving_variance']!);
  expect(pair!.values).not.toEqual(alone!.values);
});
