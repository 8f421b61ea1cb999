// Runs of a job in memory: a linear regression, alone and as two workers of a parameter server in this process.
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { defaultOptimizer } from '@unroll/core';
import { trainableLoss } from '@unroll/core/internal';
import { startParameterServer } from '@unroll/param-server/server';
import { expect, test } from 'vitest';
import type { Arrays } from '../checkpoint/arrays.js';
import { recipeSchema, type TrainingRecipe } from '../configuration/recipe.js';
import { exampleBatches, weightsInMean } from '../tasks/example-batches.js';
import { temporaryFolder } from '../testing/unroll-process.js';
import { version } from '../version.js';
import type { PauseResult, TrainingJob } from './job.js';
import type { WorkerRole } from './learners/open-learner.js';
import { type RunEvent, runTraining } from './run.js';

const [width, examples, batchSize] = [3, 22, 8];
const batchesPerEpoch = Math.ceil(examples / batchSize);
const numbers = (count: number, phase: number) => Array.from({ length: count }, (_, k) => Math.sin(7 * k + phase));
const inputs = Array.from({ length: examples }, (_, k) => numbers(width, k));

const recipe = recipeSchema.parse({
  ...{ batchSize, optimizer: defaultOptimizer('adam'), learningRate: 0.1, clipNorm: 10, epochs: 4, seed: 1 },
  schedule: { name: 'step', constantEpochs: 2, decay: 0.5 },
});

const model = trainableLoss({ kernel: [width, 1], bias: [1] }, ({ batch }) => ({
  parameters: { kernel: [width, 1], bias: [1] },
  inputs: {
    x: { shape: [batch!, width], dtype: 'float32' },
    y: { shape: [batch!, 1], dtype: 'float32' },
    weights: { shape: [batch!, 1], dtype: 'float32' },
  },
  loss: ({ kernel, bias }, { x, y, weights }) => {
    const predicted = tf.add(tf.matMul(x as tf.Tensor2D, kernel as tf.Tensor2D), bias!);
    return tf.sum(tf.mul(tf.squaredDifference(predicted, y!), weights!)) as tf.Scalar;
  },
}));

interface Saved {
  readonly result: PauseResult;
  readonly parameters: Arrays;
  readonly slots: Arrays;
}

/** Returns a job whose checkpoints are kept in `saved`. */
function jobOf(training: TrainingRecipe, saved: Saved[], from?: Saved): TrainingJob {
  const examplesAt = (index: number) => {
    const start = (index % batchesPerEpoch) * batchSize;
    return inputs.slice(start, start + batchSize);
  };
  return {
    training,
    model,
    facts: {
      task: 'regression',
      unit: 'examples',
      trainCount: examples,
      validCount: 1,
      metric: 'error',
      better: 'lower',
    },
    fingerprint: 'a regression',
    notices: [],
    snapshots: 'refuse',
    countOf: (batch) => examplesAt(batch).length,
    start: {
      step: from?.result.pause.step ?? 0,
      validation: from?.result.validation ?? [],
      evaluations: from?.result.evaluations,
      parameters: () =>
        structuredClone(from?.parameters ?? { kernel: new Float32Array(width), bias: new Float32Array(1) }),
      slots: structuredClone(from?.slots),
    },
    batchesOf: exampleBatches({
      batchesPerEpoch,
      examplesAt,
      isUniform: true,
      shapeOf: (_, batch) => ({ batch }),
      inputsOf: (dealt, { batch }) => {
        const x = new Float32Array(batch! * width);
        const y = new Float32Array(batch!);
        for (const [lane, values] of dealt.own.entries()) {
          x.set(values, lane * width);
          y[lane] = 1 + 2 * values[0]! - values[2]!;
        }
        return { x, y, weights: weightsInMean(dealt) };
      },
    }),
    evaluator: (_, parameters) => ({
      evaluate: async function* () {
        yield 1;
        return Math.abs((await parameters.read('bias'))[0]! - 1);
      },
      [Symbol.asyncDispose]: async () => undefined,
    }),
    checkpoints: {
      folder: 'memory',
      takeOver: async () => undefined,
      write: async (result, isDue) => {
        const { parameters, slots } = structuredClone(result.state);
        const { validation, evaluations } = structuredClone({ ...result, state: undefined });
        saved.push({ result: { ...result, validation, evaluations }, parameters, slots });
        return isDue();
      },
    },
  };
}

interface Run {
  readonly training?: TrainingRecipe;
  readonly role?: WorkerRole;
  readonly from?: Saved | undefined;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
}

async function run({ training = recipe, role, from, signal, onEvent }: Run = {}) {
  const saved: Saved[] = [];
  const events: RunEvent[] = [];
  using folder = temporaryFolder();
  const request = { data: '', out: join(folder.path, 'run'), engine: 'onnxruntime', threads: 1 } as const;
  const prepare = async () => jobOf(training, saved, from);
  const requireDestination = async () => undefined;
  for await (const event of runTraining({
    request: { ...request, prepare, requireDestination },
    ...(role ? { role } : {}),
    ...(signal ? { signal } : {}),
  })) {
    events.push(event);
    onEvent?.(event);
  }
  return { saved, events };
}

const last = ({ saved }: { saved: Saved[] }) => saved.at(-1)!;

test('a run yields its start, each step, and at the end of an epoch its evaluation and checkpoint', async () => {
  const { events, saved } = await run();
  const epoch = ['step', 'step', 'step', 'evaluation', 'validation', 'epoch', 'checkpoint'];
  expect(events.map(({ type }) => type)).toEqual(['start', ...epoch, ...epoch, ...epoch, ...epoch]);
  expect(events[0]).toMatchObject({ firstStep: 0, totalSteps: 12, stepsPerEpoch: 3, trainCount: 22, parameters: 4 });
  const steps = events.filter((event) => event.type === 'step');
  expect(steps.map(({ batchCount }) => batchCount).slice(0, 3)).toEqual([8, 8, 6]);
  expect(steps.map(({ learningRate }) => learningRate).slice(5, 8)).toEqual([0.1, 0.05, 0.05]);
  expect(steps[2]!.epoch.count).toBe(22);
  expect(last({ saved }).result.validation).toHaveLength(4);
});

test('a run that is stopped within an epoch and resumed ends with the bits of one that was not', async () => {
  const stop = new AbortController();
  const stopped = await run({ signal: stop.signal, onEvent: ({ type }) => type === 'step' && stop.abort() });
  const resumed = await run({ from: last(stopped) });
  expect(last(stopped).result.pause).toMatchObject({ step: 1, complete: false });
  expect(last(resumed).parameters).toEqual(last(await run()).parameters);
});

test('a run that is resumed after its last step begins, ends well and writes nothing', async () => {
  const { events, saved } = await run({ from: last(await run()) });
  expect(events).toEqual([expect.objectContaining({ type: 'start', firstStep: 12, totalSteps: 12 })]);
  expect(saved).toEqual([]);
});

test('parts of a batch, and two workers, end with the parameters of one process', async () => {
  const { parameters } = last(await run());
  const close = (others: Arrays) => {
    for (const [name, values] of Object.entries(parameters)) {
      for (const [k, value] of values.entries()) expect(others[name]![k]).toBeCloseTo(value, 5);
    }
  };
  close(last(await run({ training: { ...recipe, accumulate: 4 } })).parameters);

  const server = await startParameterServer({ port: 0, shard: 0, shards: 1, workers: 2, version });
  const servers = [`127.0.0.1:${server.port}`];
  const [first, second] = await Promise.all(
    [0, 1].map((worker) => run({ role: { serverAddresses: servers, worker, workers: 2 } })),
  );
  await server.done;
  close(last(first!).parameters);
  expect(second!.saved).toEqual([]);
  const lossOf = ({ events }: { events: RunEvent[] }) => events.findLast((event) => event.type === 'epoch')!;
  expect(lossOf(first!).count + lossOf(second!).count).toBe(22);
});

test('a batch that workers cannot share evenly is refused', async () => {
  const role = { serverAddresses: ['127.0.0.1:1'], worker: 0, workers: 3 };
  await expect(run({ role })).rejects.toThrow('--batch-size: 8 examples cannot be shared evenly by 3 workers');
});

const types = (events: readonly RunEvent[]) => events.map(({ type }) => type).filter((type) => type !== 'evaluation');
const checkpoints = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === 'checkpoint' ? [event.step] : []));

test('a run is evaluated and saved within an epoch, and ends with the same parameters', async () => {
  const often = { ...recipe, epochs: 2, evalEvery: 2, saveEvery: 5 };
  const { events, saved } = await run({ training: often });
  expect(checkpoints(events)).toEqual([2, 3, 4, 5, 6]);
  const within = types(events).slice(1, 8);
  expect(within).toEqual(['step', 'step', 'validation', 'checkpoint', 'step', 'validation', 'epoch']);
  const values = events.flatMap((event) => (event.type === 'validation' ? [event] : []));
  expect(values.map(({ step, epoch }) => [step, epoch])).toEqual([
    [2, 1],
    [3, 1],
    [4, 2],
    [6, 2],
  ]);
  expect(last({ saved }).result.evaluations).toEqual(values.map(({ step, value }) => ({ step, value })));
  const plain = await run({ training: { ...recipe, epochs: 2 } });
  expect(last({ saved }).parameters).toEqual(last(plain).parameters);
});

/** With this rate the parameters overshoot, so that some evaluations are worse than the best before. */
const patient = { ...recipe, learningRate: 0.9, epochs: 20, evalEvery: 1, patience: 2 };

test('training ends early after evaluations without a new best, wherever it was interrupted', async () => {
  const whole = await run({ training: patient });
  const { evaluations, pause } = last(whole).result;
  expect(pause.step).toBeLessThan(60);
  const best = Math.min(...evaluations.map(({ value }) => value));
  expect(evaluations.at(-3)!.value).toBe(best);
  for (const interruptedAt of [1, pause.step - 1]) {
    const stop = new AbortController();
    const onEvent = (event: RunEvent) => event.type === 'step' && event.step === interruptedAt && stop.abort();
    const stopped = await run({ training: patient, signal: stop.signal, onEvent });
    expect(last(stopped).result.pause.step).toBe(interruptedAt);
    const resumed = await run({ training: patient, from: last(stopped) });
    expect(last(resumed).result.evaluations).toEqual(evaluations);
    expect(last(resumed).parameters).toEqual(last(whole).parameters);
  }
  const again = await run({ training: patient, from: last(whole) });
  expect(types(again.events)).toEqual(['start']);
});

test('the chief ends a run of two workers early, for both', async () => {
  const server = await startParameterServer({ port: 0, shard: 0, shards: 1, workers: 2, version });
  const servers = [`127.0.0.1:${server.port}`];
  const runs = [0, 1].map((worker) =>
    run({ training: patient, role: { serverAddresses: servers, worker, workers: 2 } }),
  );
  const [first, second] = await Promise.all(runs);
  await server.done;
  const stepOf = ({ events }: { events: RunEvent[] }) => events.findLast((event) => event.type === 'epoch')!.step;
  expect(stepOf(first!)).toBe(last(first!).result.pause.step);
  expect(stepOf(first!)).toBeLessThan(60);
  expect(stepOf(second!)).toBe(stepOf(first!));
});
