// Learns a tokenizer from a corpus's training text and encodes texts with it. Both show progress on stderr and can be
// interrupted.

import { type Tokenizer, type TokenizerTrainingOptions, tokenizerTraining } from '@unroll/core/text';
import type { CorpusSplit } from './corpus.js';
import type { EncodedText } from './encoded-text.js';
import { encoding } from './encoding.js';
import { inSteps } from './steps.js';

/**
 * Learns a tokenizer.
 * @throws RangeError as `trainTokenizer` does; the signal's reason when it aborts
 */
export async function learnTokenizer(
  kind: Tokenizer['kind'],
  text: CorpusSplit,
  options: TokenizerTrainingOptions,
  signal?: AbortSignal,
): Promise<Tokenizer> {
  const training = tokenizerTraining(kind, text.texts(), options);
  const counted = await inSteps(untilMerging(training), { label: 'vocabulary', total: text.bytes, unit: 'B' }, signal);
  if (counted.tokenizer) return counted.tokenizer;
  return inSteps(merging(training), { label: 'merges', total: counted.merges, unit: 'merges' }, signal);
}

/**
 * Encodes a text.
 * @throws UnrollError as `encodeSplit` does; the signal's reason when it aborts
 */
export function encodeText(
  tokenizer: Tokenizer,
  text: CorpusSplit,
  label: string,
  signal?: AbortSignal,
): Promise<EncodedText> {
  return inSteps(encoding(tokenizer, text), { label, total: text.bytes, unit: 'B' }, signal);
}

type Training = ReturnType<typeof tokenizerTraining>;

/** Runs the stage in which the text is counted. Returns the tokenizer, or the greatest possible number of merges. */
function* untilMerging(training: Training): Generator<number, { tokenizer?: Tokenizer; merges: number }, undefined> {
  for (;;) {
    const { done, value } = training.next();
    if (done) return { tokenizer: value, merges: 0 };
    if (value.stage === 'merging') return { merges: value.total ?? 0 };
    yield value.done;
  }
}

function* merging(training: Training): Generator<number, Tokenizer, undefined> {
  for (;;) {
    const { done, value } = training.next();
    if (done) return value;
    yield value.done;
  }
}
