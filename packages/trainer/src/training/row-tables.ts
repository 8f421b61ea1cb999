/** The tables of a model of which a worker of parameter servers holds only the rows that its step reads or scores. */
import type { LanguageModelConfig } from '@unroll/core';
import { type Trainable, trainableLanguageModel } from '@unroll/core/internal';
import type { Inputs } from './batch-source.js';
import type { TrainingConfig } from './config.js';
import { tableNames } from './softmax.js';
import { modelOfStep, type StepWords, wordsOfStep } from './step-words.js';

export interface RowTables {
  /** The parameters that are tables. */
  readonly names: ReadonlySet<string>;
  /**
   * The model that a worker holds. Its tables have room for the rows of a step of all lanes, as the worker's lanes may
   * change.
   */
  readonly model: Trainable;
  /** Finds the rows of a batch, and renumbers its inputs to them. */
  readonly rowsOf: (inputs: Inputs) => StepWords;
}

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
