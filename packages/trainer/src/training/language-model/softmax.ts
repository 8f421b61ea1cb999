/** Checks of the softmax that a training step computes, and the names of the tables that may travel by rows. */
import { embeddingName, type LanguageModelConfig, outputTable } from '@unroll/core/config';
import type { TrainingConfig } from '../../configuration/config.js';
import { option } from '../../configuration/option-names.js';
import { UsageError } from '../../errors.js';

/**
 * Checks that the softmax fits the vocabulary, the precision and the tokenizer.
 * @throws UsageError if a step would score more words than the vocabulary has; if it would compute in float16, which
 *   cannot hold ln Q; or if an adaptive softmax would divide words by frequency whose ids are not in that order
 */
export function requireSoftmaxFits({ precision, tokenizer }: TrainingConfig, model: LanguageModelConfig): void {
  const { vocabSize, softmax } = model;
  if (!softmax) return;
  if (precision === 'mixed') {
    throw new UsageError(
      `${option('softmax')}: ${softmax.name} is for ${option('precision')} float32; leave one of them out`,
    );
  }
  if (softmax.name === 'adaptive' && tokenizer === 'bpe') {
    throw new UsageError(
      `${option('softmax')}: adaptive needs ids by frequency, which ${option('tokenizer')} bpe does not have; give word`,
    );
  }
  if (softmax.name === 'adaptive' || softmax.samples <= vocabSize) return;
  throw new UsageError(
    `${option('softmax')}: ${softmax.samples} words are sampled of a vocabulary of ${vocabSize}; give sampled:<fewer>, or full`,
  );
}

/**
 * Names the parameters that have a row for each word: with `--tables rows` workers hold only the rows of their batch.
 */
export function tableNames(model: LanguageModelConfig): ReadonlySet<string> {
  return new Set([embeddingName, outputTable(model)!, 'output.bias']);
}

/**
 * Checks that the tables may be sent by rows.
 * @throws UsageError if they may not
 */
export function requireTablesFit({ tables, model, mode, gradientCodec }: TrainingConfig): void {
  if (tables === 'whole') return;
  if (model.softmax?.name !== 'sampled') {
    throw new UsageError(
      `${option('tables')}: with rows a step must not score all words; give ${option('softmax')} sampled`,
    );
  }
  if (mode.name === 'local')
    throw new UsageError(`${option('tables')}: rows is for all modes but local; leave one of them out`);
  if (gradientCodec.name === 'float32' || gradientCodec.name === 'bfloat16') return;
  throw new UsageError(
    `${option('tables')}: rows travel as they are; with them give ${option('gradientCodec')} bfloat16 or none`,
  );
}
