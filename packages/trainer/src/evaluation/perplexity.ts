/** The perplexity of a finished model over a text, with a progress bar: of a checkpoint, or of the bundle made from it. */
import { parameterShapes } from '@unroll/core';
import { outputDim } from '@unroll/core/config';
import { type LocalLanguageModel, loadLocalLanguageModel, type Target } from '@unroll/edge-runtime';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { type TokenIds, windowsOf } from '../data/token-ids.js';
import { type Engine, residentValues } from '../engines/engine.js';
import { Progress } from '../terminal/progress.js';
import type { CacheSettings, DynamicSettings } from './adaptation.js';
import { createDynamicEvaluator, meanSquaredGradients, statisticsBatches } from './dynamic-evaluation.js';
import { type Evaluation, Evaluator, evaluationWindow, meanOfLosses } from './evaluate.js';
import { NeuralCache } from './neural-cache.js';

/** Settings for adapting a model to the text that it is evaluated on. Without settings, it does not adapt. */
export interface Adaptation {
  readonly dynamic?: DynamicSettings | undefined;
  readonly cache?: CacheSettings | undefined;
  /** The training text, on which dynamic evaluation with `rms` first measures gradients. */
  readonly train?: TokenIds | undefined;
}

/**
 * Evaluates a checkpoint.
 * @throws the signal's reason when it aborts; UnrollError if the training text is too short
 */
export async function evaluateCheckpoint(
  { config, parameters, tokenizer }: Checkpoint,
  ids: TokenIds,
  engine: Engine,
  signal: AbortSignal,
  { dynamic, cache: cacheSettings, train }: Adaptation = {},
): Promise<Evaluation> {
  const residents = engine.allocate(residentValues(parameterShapes(config), parameters));
  const measure = async (train: TokenIds, segment: number) => {
    const batches = statisticsBatches(train, segment);
    const measuring = meanSquaredGradients(engine, config, residents, batches, segment);
    return await finish(measuring, new Progress('gradients', batches.count, 'batches'), signal);
  };
  const meanSquares = dynamic?.rule === 'rms' ? await measure(train ?? new Int32Array(), dynamic.segment) : {};
  const window = dynamic?.segment ?? evaluationWindow;
  const cache = cacheSettings && (await NeuralCache.create(engine, cacheSettings, outputDim(config), window));
  await using evaluator = dynamic
    ? createDynamicEvaluator(engine, config, residents, dynamic, meanSquares, cache)
    : Evaluator.of(engine, config, residents, cache);
  const evaluation = evaluator.evaluate(ids, tokenizer.startId);
  return await finish(evaluation, new Progress('checkpoint', ids.length, 'tokens'), signal);
}

/**
 * Evaluates a bundle token by token: on ONNX Runtime for the target `node`, otherwise on the edge runtime's own
 * kernels.
 * @throws BundleError; the signal's reason when it aborts
 */
export async function evaluateBundle(
  folder: string,
  target: Target,
  ids: TokenIds,
  signal: AbortSignal,
): Promise<Evaluation> {
  const options = target !== 'node' ? {} : { ort: await import('onnxruntime-node') };
  await using model = await loadLocalLanguageModel(folder, options);
  const evaluation = meanOfLosses(losses(model, tokensOf(ids)));
  return await finish(evaluation, new Progress('bundle', ids.length, 'tokens'), signal);
}

function* tokensOf(ids: TokenIds): Generator<number, void, undefined> {
  for (const window of windowsOf(ids)) yield* window;
}

async function* losses(model: LocalLanguageModel, ids: Iterable<number>): AsyncGenerator<readonly number[]> {
  for await (const logProbability of model.logProbabilities(ids)) yield [-logProbability];
}

/** Runs work that yields its progress to its end. */
async function finish<Result>(
  work: AsyncGenerator<number, Result, undefined>,
  progress: Progress,
  signal: AbortSignal,
): Promise<Result> {
  try {
    for (;;) {
      const { done, value } = await work.next();
      if (done) return value;
      signal.throwIfAborted();
      progress.update(value);
    }
  } finally {
    progress.stop();
  }
}
