/** Evaluates a language model's checkpoint on a part of a corpus. */
import { readCheckpoint } from '../checkpoint/checkpoint.js';
import { type Corpus, loadCorpus } from '../data/corpus.js';
import { EMBEDDED_CORPUS } from '../data/embedded-corpus.js';
import { fitOf, misfits } from '../data/fit.js';
import { grammarPerplexity } from '../data/grammar/grammar-corpus.js';
import { encodeText } from '../data/learn-tokenizer.js';
import type { EngineName } from '../engines/engine-names.js';
import { selectEngine } from '../engines/select.js';
import { log } from '../terminal/log.js';
import type { AdaptationSettings } from './adaptation.js';
import type { Evaluation } from './evaluate.js';
import { evaluateCheckpoint } from './perplexity.js';

export interface SplitRequest {
  readonly checkpoint: string;
  readonly data: string;
  readonly split: 'train' | 'valid' | 'test';
  readonly engine: EngineName;
  readonly threads?: number;
}

/** The loss and perplexity of a language model on a part of a corpus, and how it adapted to the text, if it did. */
export interface SplitEvaluation extends Evaluation, AdaptationSettings {
  readonly split: SplitRequest['split'];
  /** Perplexity of the grammar itself on this text; present for the embedded corpus. */
  readonly lowestPerplexity?: number;
}

/**
 * Evaluates the checkpoint.
 * @throws UnrollError naming what is missing or cannot be read; the signal's reason when it aborts
 */
export async function evaluateSplit(
  request: SplitRequest,
  settings: AdaptationSettings,
  signal: AbortSignal,
): Promise<SplitEvaluation> {
  const { split } = request;
  const checkpoint = await readCheckpoint(request.checkpoint);
  const corpus = loadCorpus(request.data);
  for (const line of corpus.skipped) log(line);
  const ids = await encodeText(checkpoint.tokenizer, corpus[split], `${split} text`, signal);
  const fit = fitOf(checkpoint.tokenizer, corpus[split].texts());
  for (const notice of misfits(checkpoint.tokenizer, `the ${split} text`, fit)) log(notice);
  const engine = await selectEngine(request.engine, request.threads);
  const needsTraining = settings.dynamic?.rule === 'rms';
  const train = needsTraining
    ? await encodeText(checkpoint.tokenizer, corpus.train, 'training text', signal)
    : undefined;
  const evaluation = await evaluateCheckpoint(checkpoint, ids, engine, signal, { ...settings, train });
  const lowest = request.data === EMBEDDED_CORPUS ? { lowestPerplexity: lowestPerplexity(corpus, split) } : {};
  return { split, ...evaluation, ...settings, ...lowest };
}

function lowestPerplexity(corpus: Corpus, split: SplitRequest['split']): number {
  return grammarPerplexity([...corpus[split].texts()].join(''));
}
