/**
 * The words of one step, and its batch renumbered to the rows of tables that hold only these words. So a program for a
 * small vocabulary can train a large one.
 */
import type { LanguageModelConfig } from '@unroll/core';
import { embeddingName, outputTable, type SampledSoftmaxConfig } from '@unroll/core/config';
import type { Inputs } from '../learners/batch-source.js';
import type { RowsOfStep } from '../learners/row-tables.js';

/** Returns a sampled-softmax model whose vocabulary has the most words that a step of `tokens` tokens can have. */
export function modelOfStep(model: LanguageModelConfig, tokens: number): LanguageModelConfig {
  const { samples } = model.softmax as SampledSoftmaxConfig;
  const output = tokens + samples;
  const words = model.tieWeights ? tokens + output : output;
  return { ...model, vocabSize: Math.min(words, model.vocabSize) };
}

/**
 * Finds the words of a step and renumbers its batch.
 * @param inputs the inputs for the whole vocabulary: `ids`, `targets`, `candidates` and any others
 */
export function wordsOfStep(model: LanguageModelConfig, inputs: Inputs): RowsOfStep {
  const [ids, targets, candidates] = [inputs.ids, inputs.targets, inputs.candidates] as Int32Array[];
  const read = model.tieWeights ? wordsIn(ids!, targets!, candidates!) : wordsIn(ids!);
  const scored = model.tieWeights ? read : wordsIn(targets!, candidates!);
  return {
    rows: { [embeddingName]: read, [outputTable(model)!]: scored, 'output.bias': scored },
    inputs: {
      ...inputs,
      ids: placesAmong(read, ids!),
      targets: placesAmong(scored, targets!),
      candidates: placesAmong(scored, candidates!),
    },
  };
}

function wordsIn(...lists: readonly Int32Array[]): Int32Array {
  const words = new Set<number>();
  for (const list of lists) for (const id of list) words.add(id);
  return Int32Array.from(words).sort();
}

function placesAmong(words: Int32Array, ids: Int32Array): Int32Array {
  const places = new Map<number, number>();
  for (const [place, word] of words.entries()) places.set(word, place);
  return ids.map((id) => places.get(id)!);
}
