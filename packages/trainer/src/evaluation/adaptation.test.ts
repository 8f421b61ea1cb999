// Dynamic evaluation and the neural cache over a text, on every engine that runs here without a GPU. The core's tests
// check their formulas; these check their effect on an evaluation.

import { initialParameters, type LanguageModelConfig, languageModelConfig, parameterShapes } from '@unroll/core';
import { outputDim } from '@unroll/core/config';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Arrays } from '../checkpoint/arrays.js';
import { type Engine, residentValues } from '../engines/engine.js';
import { selectEngine } from '../engines/select.js';
import type { CacheSettings, DynamicSettings } from './adaptation.js';
import { createDynamicEvaluator, meanSquaredGradients, statisticsBatches } from './dynamic-evaluation.js';
import { Evaluator, evaluationWindow } from './evaluate.js';
import { NeuralCache } from './neural-cache.js';

const config: LanguageModelConfig = languageModelConfig({
  ...{ vocabSize: 12, embeddingDim: 6, hiddenDim: 6, layers: 2, dropout: 0.3, weightDropout: 0.2 },
  ...{ tieWeights: true, cell: 'gru' as const },
});
const parameters = initialParameters(config, { seed: 5, range: 0.5 });

/** A text that uses only four of twelve words, as a text keeps to its subject; longer than a window. */
const text = Int32Array.from({ length: 160 }, (_, t) => [3, 7, 8, 11][(t * t + (t >> 3)) % 4]!);
const train = Int32Array.from({ length: 400 }, (_, t) => (t * t + (t >> 2)) % config.vocabSize);

interface Way {
  readonly dynamic?: DynamicSettings;
  readonly cache?: CacheSettings;
}

async function lossesOf(engine: Engine, { dynamic, cache: cacheSettings }: Way, ids: Int32Array): Promise<number[]> {
  const residents = engine.allocate(residentValues(parameterShapes(config), parameters));
  const window = dynamic?.segment ?? evaluationWindow;
  const cache = cacheSettings && (await NeuralCache.create(engine, cacheSettings, outputDim(config), window));
  const squares = dynamic?.rule === 'rms' ? await meanSquares(engine, dynamic.segment) : {};
  await using evaluator = dynamic
    ? createDynamicEvaluator(engine, config, residents, dynamic, squares, cache)
    : Evaluator.of(engine, config, residents, cache);
  const losses: number[] = [];
  for await (const some of evaluator.tokenLosses(ids, 0)) losses.push(...some);
  return losses;
}

async function meanSquares(engine: Engine, segment: number): Promise<Arrays> {
  const residents = engine.allocate(residentValues(parameterShapes(config), parameters));
  const measuring = meanSquaredGradients(engine, config, residents, statisticsBatches(train, segment), segment);
  for (;;) {
    const { done, value } = await measuring.next();
    if (done) return value;
  }
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const furthest = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((value, k) => Math.abs(value - b[k]!)));

const rms: DynamicSettings = { rule: 'rms', learningRate: 0.003, decay: 0.01, segment: 5 };
const sgd: DynamicSettings = { rule: 'sgd', learningRate: 0.5, decay: 0.01, segment: 5 };
const cache: CacheSettings = { size: 40, theta: 0.5, lambda: 0.3 };
const ways: [string, Way][] = [
  ['by rms', { dynamic: rms }],
  ['by sgd', { dynamic: sgd }],
  ['with a cache', { cache }],
  ['by rms with a cache', { dynamic: rms, cache }],
];

let engine: Engine;
let plain: number[];
beforeAll(async () => {
  engine = await selectEngine('onnxruntime', 1);
  plain = await lossesOf(engine, {}, text);
});

describe.each(ways)('adapting %s', (_, way) => {
  test('lowers the loss of a text that repeats itself', async () => {
    const losses = await lossesOf(engine, way, text);
    expect(losses).toHaveLength(text.length);
    expect(mean(losses)).toBeLessThan(0.9 * mean(plain));
  });

  test('no token’s loss depends on the text after it', async () => {
    const changed = 133; // within a segment and within a window
    const other = text.map((id, t) => (t < changed ? id : (id + 1) % config.vocabSize));
    const [losses, otherLosses] = [await lossesOf(engine, way, text), await lossesOf(engine, way, other)];
    expect(otherLosses.slice(0, changed)).toEqual(losses.slice(0, changed));
    expect(otherLosses[changed]).not.toBe(losses[changed]);
  });

  test.each(['cpu', 'wasm'] as const)('the %s backend of TensorFlow.js computes the same to 1e-4', async (name) => {
    const start = text.slice(0, 60); // short, because rounding errors grow as the model learns from its own results
    const losses = await lossesOf(await selectEngine(name), way, start);
    expect(furthest(losses, await lossesOf(engine, way, start))).toBeLessThan(1e-4);
  });
});

test('a text that is evaluated again is met afresh', async () => {
  const residents = engine.allocate(residentValues(parameterShapes(config), parameters));
  const memory = await NeuralCache.create(engine, cache, outputDim(config), sgd.segment);
  await using evaluator = createDynamicEvaluator(engine, config, residents, sgd, {}, memory);
  const [first, second]: number[][] = [[], []];
  for await (const losses of evaluator.tokenLosses(text, 0)) first!.push(...losses);
  for await (const losses of evaluator.tokenLosses(text, 0)) second!.push(...losses);
  expect(second).toEqual(first);
});

test('without a learning rate, and without a part for the cache, the losses are the plain ones', async () => {
  const still = { dynamic: { ...rms, learningRate: 0 }, cache: { ...cache, lambda: 0 } };
  expect(furthest(await lossesOf(engine, still, text), plain)).toBeLessThan(1e-6);
});

test('what a cache says does not depend on how many tokens are computed at once', async () => {
  const alone = await lossesOf(engine, { cache }, text);
  const inSegments = await lossesOf(engine, { cache, dynamic: { ...sgd, learningRate: 0, segment: 7 } }, text);
  expect(furthest(inSegments, alone)).toBeLessThan(1e-6);
});

test('a training text too short for a segment cannot tell how great gradients are', () => {
  expect(() => statisticsBatches(Int32Array.of(1, 2, 3), 5)).toThrow('--dynamic: the training text is too short');
});
