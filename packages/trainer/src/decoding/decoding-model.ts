/** A model that generates and scores text: a checkpoint from training, or an exported bundle. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tokenizer } from '@unroll/core/text';
import {
  type GeneratedToken,
  type GenerateOptions,
  generate,
  type IdScore,
  loadLocalLanguageModel,
  scoreIds,
} from '@unroll/edge-runtime';
import { readCheckpoint } from '../checkpoint/checkpoint.js';
import { selectEngine } from '../engines/select.js';
import { checkpointStep } from './checkpoint-step.js';

/** The common interface of a checkpoint and the edge runtime's `LanguageModel`, with the same meaning. */
export interface DecodingModel extends AsyncDisposable {
  readonly tokenizer: Tokenizer;
  generate(prompt: string, options: GenerateOptions): AsyncGenerator<GeneratedToken, void, undefined>;
  scoreIds(ids: readonly number[]): Promise<IdScore>;
}

/** A single token is too little work to share between threads. */
const threads = 1;

/**
 * Opens a checkpoint.
 * @throws UnrollError naming what is wrong with the checkpoint
 */
export async function openCheckpoint(folder: string): Promise<DecodingModel> {
  const checkpoint = await readCheckpoint(folder);
  const { tokenizer } = checkpoint;
  const model = await checkpointStep(await selectEngine('onnxruntime', threads), checkpoint);
  return {
    tokenizer,
    generate: (prompt, options) => generate(model, tokenizer, prompt, options),
    scoreIds: (ids) => scoreIds(model, tokenizer.startId, ids),
    [Symbol.asyncDispose]: () => model.dispose(),
  };
}

/**
 * Opens a bundle on the runtime with which its perplexity was measured: ONNX Runtime if it was made for that, otherwise
 * the edge runtime's own kernels.
 * @throws BundleError naming what is wrong with the bundle
 */
export async function openBundle(folder: string): Promise<DecodingModel> {
  const options = (await targetOf(folder)) === 'node' ? { ort: await import('onnxruntime-node') } : {};
  return loadLocalLanguageModel(folder, options);
}

/** Returns the manifest's target; undefined if it cannot be read, which loading then reports. */
async function targetOf(folder: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'))?.target;
  } catch {
    return undefined;
  }
}
