/** The tables of a language model: its embedding and output layer. */
import type { LanguageModelConfig } from '@unroll/core';
import { trainableLanguageModel } from '@unroll/core/internal';
import type { TrainingConfig } from '../../configuration/config.js';
import type { RowTables } from '../learners/row-tables.js';
import { tableNames } from './softmax.js';
import { modelOfStep, wordsOfStep } from './step-words.js';

/** Returns the tables of a language model with a sampled softmax; undefined if workers hold whole tables. */
export function rowTables(
  model: LanguageModelConfig,
  { tables, batchSize, sequenceLength }: Pick<TrainingConfig, 'tables' | 'batchSize' | 'sequenceLength'>,
): RowTables | undefined {
  if (tables !== 'rows') return undefined;
  return {
    names: tableNames(model),
    model: trainableLanguageModel(modelOfStep(model, batchSize * sequenceLength)),
    rowsOf: (inputs) => wordsOfStep(model, inputs),
  };
}
