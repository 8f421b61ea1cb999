/** For tests: a TensorFlow.js model trained by its own `fit` on the cpu backend, and its twin by a compiled step. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs';
import { seededRandom } from '@unroll/core/decoding';
import { compile } from '../compile/compile.js';
import type { Loss } from '../compile/loss.js';
import { selectEngine } from '../engines/select.js';

export interface Training {
  /** Builds the model; it and its twin get the same weights. */
  readonly model: () => tf.LayersModel;
  readonly xs: tf.Tensor | tf.Tensor[];
  readonly ys: tf.Tensor | tf.Tensor[];
  readonly loss?: Loss;
  readonly optimizer?: () => tf.Optimizer;
  readonly batchSize?: number;
  readonly epochs?: number;
  /** Of the random numbers: `fit` then draws what the compiled step draws. */
  readonly seed?: number;
}

export interface Trained {
  /** Of each batch. */
  readonly losses: number[];
  /** All of the layers' weights, moving averages included. */
  readonly weights: number[][];
  /** Of all examples, by the trained weights. */
  readonly predictions: number[][];
}

/** What `fit` and compiled steps make of the same model and batches. */
export async function trainBoth(training: Training): Promise<{ fitted: Trained; compiled: Trained }> {
  await tf.setBackend('cpu');
  const model = training.model();
  const twin = training.model();
  for (const each of [model, twin]) each.setWeights(each.getWeights().map(deterministic));
  const settings = {
    loss: 'meanSquaredError',
    optimizer: () => tf.train.sgd(0.05),
    batchSize: 3,
    epochs: 1,
    seed: 0,
    ...training,
  };
  const fitted = await seeded(settings.seed, () => fit(model, settings));
  return { fitted, compiled: await compileAndRun(twin, settings) };
}

/** Matrices get values that are the same in every run; what is initially 0 or 1 stays so. */
function deterministic(weight: tf.Tensor): tf.Tensor {
  if (weight.rank < 2) return weight;
  return tf.mul(0.3, tf.sin(tf.mul(tf.reshape(tf.range(1, weight.size + 1), weight.shape), 78.233)));
}

/** TensorFlow.js seeds every random tensor from Math.random. */
async function seeded<R>(seed: number, run: () => Promise<R>): Promise<R> {
  const { random } = Math;
  Math.random = seededRandom(seed);
  try {
    return await run();
  } finally {
    Math.random = random;
  }
}

async function fit(model: tf.LayersModel, { xs, ys, loss, optimizer, batchSize, epochs }: Required<Training>) {
  const losses: number[] = [];
  model.compile({ loss: loss as string, optimizer: optimizer() });
  const onBatchEnd = (_: number, logs?: tf.Logs) => {
    losses.push(logs!.loss as number);
  };
  await model.fit(xs, ys, {
    batchSize,
    epochs,
    shuffle: false,
    verbose: 0,
    yieldEvery: 'never',
    callbacks: { onBatchEnd },
  });
  return { losses, weights: weightsOf(model), predictions: valuesOf(model.predict(xs)) };
}

async function compileAndRun(
  model: tf.LayersModel,
  { xs, ys, loss, optimizer, batchSize, epochs, seed }: Required<Training>,
): Promise<Trained> {
  const step = await compile(model, loss, optimizer(), { engine: await selectEngine('onnxruntime', 1), seed });
  const losses: number[] = [];
  const examples = [xs].flat()[0]!.shape[0]!;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let start = 0; start < examples; start += batchSize) {
      const rows = (tensors: tf.Tensor | tf.Tensor[]) =>
        [tensors].flat().map((tensor) => tf.slice(tensor, start, Math.min(batchSize, examples - start)));
      losses.push((await step.run(rows(xs), rows(ys))).loss);
    }
  }
  const predictions = valuesOf(await step.predict(xs));
  await step.writeBack();
  await step.dispose();
  return { losses, weights: weightsOf(model), predictions };
}

function weightsOf(model: tf.LayersModel): number[][] {
  return model.getWeights().map((weight) => [...weight.dataSync()]);
}

function valuesOf(tensors: tf.Tensor | tf.Tensor[]): number[][] {
  return [tensors].flat().map((tensor) => [...tensor.dataSync()]);
}

/**
 * The largest difference, relative to the largest value of the same tensor, or to 0.01 where all are smaller: a bias
 * before a normalisation has no gradient but rounding.
 */
export function largestDifference(expected: Trained, actual: Trained): number {
  const tensors = (trained: Trained) => [trained.losses, ...trained.weights, ...trained.predictions];
  const differences = tensors(expected).map((values, k) => {
    const others = tensors(actual)[k]!;
    if (others.length !== values.length) throw new Error(`${others.length} values beside ${values.length}`);
    const scale = Math.max(...values.map(Math.abs), 1e-2);
    return Math.max(...values.map((value, i) => Math.abs(value - others[i]!) / scale));
  });
  return Math.max(...differences);
}
