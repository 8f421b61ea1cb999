/** The perplexity of a finished model over a text, with a progress bar: of a checkpoint, and of the bundle made from it. */
import { parameterShapes } from '@unroll/core';
import { type LocalLanguageModel, loadLocalLanguageModel, type Target } from '@unroll/edge-runtime';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { type TokenIds, windowsOf } from '../data/token-ids.js';
import { type Engine, residentValues } from '../engines/engine.js';
import { Progress } from '../terminal/progress.js';
import { type Evaluation, Evaluator, meanOfLosses } from './evaluate.js';

/** @throws the signal's reason when it aborts */
export async function evaluateCheckpoint(
  { config, parameters, tokenizer }: Checkpoint,
  ids: TokenIds,
  engine: Engine,
  signal: AbortSignal,
): Promise<Evaluation> {
  const residents = engine.allocate(residentValues(parameterShapes(config), parameters));
  await using evaluator = await Evaluator.create(engine, config, residents);
  return await finish(evaluator.evaluate(ids, tokenizer.eosId), 'checkpoint', ids.length, signal);
}

/** Reads the text token by token on what `target` runs bundles with, or natively for WebGPU. @throws BundleError; the signal's reason when it aborts */
export async function evaluateBundle(
  folder: string,
  target: Target,
  ids: TokenIds,
  signal: AbortSignal,
): Promise<Evaluation> {
  const options = target === 'wasm' ? {} : { ort: await import('onnxruntime-node') };
  await using model = await loadLocalLanguageModel(folder, options);
  return await finish(meanOfLosses(losses(model, tokensOf(ids))), 'bundle', ids.length, signal);
}

function* tokensOf(ids: TokenIds): Generator<number, void, undefined> {
  for (const window of windowsOf(ids)) yield* window;
}

async function* losses(model: LocalLanguageModel, ids: Iterable<number>): AsyncGenerator<readonly number[]> {
  for await (const logProbability of model.logProbabilities(ids)) yield [-logProbability];
}

/** Runs an evaluation to its end, under a progress bar. */
async function finish(
  evaluation: AsyncGenerator<number, Evaluation, undefined>,
  label: string,
  total: number,
  signal: AbortSignal,
): Promise<Evaluation> {
  const progress = new Progress(label, total, 'tokens');
  try {
    for (;;) {
      const { done, value } = await evaluation.next();
      if (done) return value;
      signal.throwIfAborted();
      progress.update(value);
    }
  } finally {
    progress.stop();
  }
}
