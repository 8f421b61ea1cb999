/** Prepares a run from a request: the configuration, the tokenizer and the texts as ids. */
import type { LanguageModelConfig } from '@unroll/core';
import type { Tokenizer } from '@unroll/core/text';
import type { Arrays } from '../../checkpoint/arrays.js';
import { type ResumableCheckpoint, readResumableCheckpoint } from '../../checkpoint/checkpoint.js';
import { inspectCheckpoint } from '../../checkpoint/checkpoint-files.js';
import { isResumed } from '../../checkpoint/resumption.js';
import { checkedModel, type TrainingConfig } from '../../configuration/config.js';
import { isChangeable, resumedWith } from '../../configuration/hyperparameters.js';
import { option } from '../../configuration/option-names.js';
import { type Corpus, loadCorpus } from '../../data/corpus.js';
import type { EncodedText } from '../../data/encoded-text.js';
import { misfitsOf } from '../../data/fit.js';
import { encodeText, learnTokenizer } from '../../data/learn-tokenizer.js';
import { UsageError } from '../../errors.js';
import { checkWritable } from '../../files/result-folder.js';
import type { PreparationOptions, TrainingRequest } from '../request.js';
import { readInitialModel, trainingFrom } from './initial-model.js';
import { checkResumedTexts, type TextsFingerprint } from './resumed-text.js';
import { requireSoftmaxFits } from './softmax.js';

/** A request to train a language model. */
export interface LanguageModelRequest extends TrainingRequest {
  readonly training: TrainingConfig;
  /** Fields of `training` that were given explicitly, with the flag that gave them. */
  readonly explicit: Readonly<Record<string, string>>;
  /** A checkpoint whose model a fresh start begins with. */
  readonly initFrom?: string | undefined;
}

export interface PreparedTraining {
  readonly training: TrainingConfig;
  readonly model: LanguageModelConfig;
  readonly tokenizer: Tokenizer;
  readonly train: EncodedText;
  readonly valid: EncodedText;
  readonly texts: TextsFingerprint;
  /** The checkpoint that training resumes from; undefined for a fresh start. */
  readonly resumed: ResumableCheckpoint | undefined;
  /** Initial parameters of a fresh start; undefined if they are random. */
  readonly initial: Arrays | undefined;
  /** Lines for the user. */
  readonly notices: readonly string[];
}

/**
 * Reads everything that the run needs.
 * @throws UnrollError, UsageError naming what is missing, unreadable or contradictory
 */
export async function prepareTraining(
  request: LanguageModelRequest,
  { writes = true, signal }: PreparationOptions = {},
): Promise<PreparedTraining> {
  const resumed = await checkpointToResume(request);
  const initial = resumed ? undefined : await readInitialModel(request.initFrom);
  if (writes) await checkWritable(request.out);
  const fresh = initial ? trainingFrom(initial, request.training, request.explicit) : request.training;
  const training = resumed ? resumedConfig(request, resumed.state.training) : fresh;
  const corpus = loadCorpus(request.data);
  const tokenizer = (resumed ?? initial)?.tokenizer ?? (await tokenizerOf(training, corpus, signal));
  const model = checkedModel(training, tokenizer.vocabSize);
  requireSoftmaxFits(training, model);
  const train = await encodeText(tokenizer, corpus.train, 'training text', signal);
  const valid = await encodeText(tokenizer, corpus.valid, 'validation text', signal);
  const texts = { train: train.fingerprint, valid: valid.fingerprint };
  const textNotices = resumed
    ? checkResumedTexts({ ...request, saved: resumed.state.texts, given: texts })
    : misfitsOf(tokenizer, corpus);
  return {
    ...{ training, model, tokenizer, train, valid, texts, resumed },
    initial: initial?.parameters,
    notices: [...corpus.skipped, ...textNotices],
  };
}

/** @throws UnrollError if the run may not write its checkpoints there */
export async function requireDestination(request: LanguageModelRequest): Promise<void> {
  isResumed(await inspectCheckpoint(request.out), request);
}

async function checkpointToResume(request: LanguageModelRequest): Promise<ResumableCheckpoint | undefined> {
  const found = await inspectCheckpoint(request.out);
  return isResumed(found, request) ? readResumableCheckpoint(request.out) : undefined;
}

/** Returns the checkpoint's configuration; flags may change only what does not change the steps. */
function resumedConfig({ training, explicit }: LanguageModelRequest, saved: TrainingConfig): TrainingConfig {
  for (const [path, flag] of Object.entries(explicit)) {
    if (isChangeable(path)) continue;
    const [given, stored] = [fieldAt(training, path), fieldAt(saved, path)];
    if (JSON.stringify(given) !== JSON.stringify(stored)) {
      const how = stored === undefined ? 'without' : `with ${JSON.stringify(stored)}`;
      throw new UsageError(`${flag}: the checkpoint was trained ${how}; leave it out to resume`);
    }
  }
  const given = Object.keys(explicit).map((path) => [path, fieldAt(training, path)] as const);
  return resumedWith(saved, Object.fromEntries(given));
}

function fieldAt(config: object, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], config);
}

async function tokenizerOf(
  { tokenizer, vocabulary }: TrainingConfig,
  corpus: Corpus,
  signal: AbortSignal | undefined,
): Promise<Tokenizer> {
  try {
    return await learnTokenizer(tokenizer, corpus.train, { vocabSize: vocabulary }, signal);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`${option('vocabulary')}: ${error.message}`);
    throw error;
  }
}
