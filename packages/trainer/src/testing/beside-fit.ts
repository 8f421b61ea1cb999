/** For tests: trains a TensorFlow.js model with its own `fit` on the cpu backend, and its twin with a compiled step. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs';
import { seededRandom } from '@unroll/core/decoding';
import { compile } from '../compile/compile.js';
import type { Loss } from '../compile/loss.js';
import { selectEngine } from '../engines/select.js';

export interface Training {
  /** Builds the model, which gets the same weights as its twin. */
  readonly model: () => tf.LayersModel;
  readonly xs: tf.Tensor | tf.Tensor[];
  readonly ys: tf.Tensor | tf.Tensor[];
  readonly loss?: Loss;
  readonly optimizer?: () => tf.Optimizer;
  readonly batchSize?: number;
  readonly epochs?: number;
  /** Seed of the random numbers; `fit` then draws the same ones as the compiled step. */
  readonly seed?: number;
}

export interface Trained {
  /** The loss of each batch. */
  readonly losses: number[];
  /** All weights of the layers, moving averages included. */
  readonly weights: number[][];
  /** The trained model's predictions for all examples. */
  readonly predictions: number[][];
}

/** Trains the same model on the same batches with `fit` and with compiled steps. */
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

/** Returns reproducible values for a matrix; other weights keep their initial 0 or 1. */
function deterministic(weight: tf.Tensor): tf.Tensor {
  if (weight.rank < 2) return weight;
  return tf.mul(0.3, tf.sin(tf.mul(tf.reshape(tf.range(1, weight.size + 1), weight.shape), 78.233)));
}

/** Runs with a seeded Math.random, from which TensorFlow.js seeds every random tensor. */
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
 * Returns the largest difference, relative to the largest value of the same tensor, or to 0.01 if all its values are
 * smaller: a bias before a normalisation has only rounding errors as its gradient.
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
